"""The registry of published views: one ``.sql`` file each, next to this module.

``reward_trends_v1.sql`` is version 1 of the view ``reward_trends``. The file is one SELECT under a
header that describes it, and the header is what ``dakota-wh views`` and ``schema`` print:

    -- reward_trends: does each reward metric rise from its first half to its second?
    -- row: a reward metric of a run with more than 10 samples
    -- formula: how it is computed                              (at most one)
    -- note: anything else that a reader must know              (any number)
    -- column run_id VARCHAR: the run                           (each column, in order)
    -- rest: what the columns are that depend on the data       (at most one)
    --   a line indented by two more blanks continues the one before

The header ends at the first line that is no comment. This module is on the start-up path of every
query: it reads a few small files, and imports neither DuckDB nor a SQL parser. It finds what a
view reads by a rule of naming: ``stored_…`` and ``…_v1`` name relations, and nothing else does.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from dakota_wh.errors import NoSuchView, WarehouseError

FOLDER = Path(__file__).parent

_FILE_STEM = re.compile(r"(?P<name>[a-z][a-z0-9_]*)_v(?P<version>[1-9][0-9]*)")
_ENTRY = re.compile(r"-- (?P<label>[^\s:][^:]*): ?(?P<text>.*)")
_COLUMN = re.compile(r"column (?P<name>\S+) (?P<type>\S.*)")
_RELATION = re.compile(r"\b(?:stored_[a-z0-9_]+|[a-z][a-z0-9_]*_v[1-9][0-9]*)\b")
_NOT_CODE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Column:
    """A documented column: its name, its DuckDB type, and what it holds."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class View:
    """One version of a published view."""

    name: str
    version: int
    description: str
    row: str
    columns: tuple[Column, ...]
    sql: str
    path: Path
    formula: str = ""
    notes: tuple[str, ...] = ()
    rest: str = ""
    text: str = field(default="", repr=False)

    @property
    def relation(self) -> str:
        """The relation's name in SQL, ``reward_trends_v1``."""
        return f"{self.name}_v{self.version}"

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The relations named in the SQL, sorted."""
        return tuple(sorted(set(_RELATION.findall(_NOT_CODE.sub(" ", self.sql)))))


def parse_view(path: Path, text: str) -> View:
    """The view in a file called ``path`` that holds ``text``."""
    stem = _FILE_STEM.fullmatch(path.stem)
    if stem is None:
        raise WarehouseError(f"{path.name} is not called like a view, NAME_v1.sql.")
    header, sql = _split_header(text)
    entries = _header_entries(path, header)
    labels = [label for label, _ in entries]
    name = stem["name"]
    if labels[:2] != [name, "row"]:
        raise WarehouseError(f"{path.name} must begin with '-- {name}: …' and '-- row: …'.")
    single = {label: text for label, text in entries if not label.startswith(("column ", "note"))}
    if unknown := set(single) - {name, "row", "formula", "rest"}:
        raise WarehouseError(f"{path.name} has an unknown header line: {sorted(unknown)[0]!r}.")
    return View(
        name=name,
        version=int(stem["version"]),
        description=single[name],
        row=single["row"],
        columns=tuple(_column(path, label, t) for label, t in entries if label[:7] == "column "),
        sql=sql,
        path=path,
        formula=single.get("formula", ""),
        notes=tuple(text for label, text in entries if label == "note"),
        rest=single.get("rest", ""),
        text=text,
    )


def _split_header(text: str) -> tuple[list[str], str]:
    """The comment lines that a file begins with, and the SELECT without them and without ``;``."""
    lines = text.splitlines()
    end = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return lines[:end], "\n".join(lines[end:]).strip().removesuffix(";").rstrip()


def _header_entries(path: Path, lines: Iterable[str]) -> list[tuple[str, str]]:
    """The header as (label, text) pairs, with continued lines joined."""
    entries: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith("--   ") and entries:
            label, text = entries[-1]
            entries[-1] = (label, f"{text} {line[5:].strip()}".strip())
        elif match := _ENTRY.fullmatch(line):
            entries.append((match["label"], match["text"].strip()))
        else:
            raise WarehouseError(f"{path.name} has a header line without a label: {line!r}.")
    return entries


def _column(path: Path, label: str, description: str) -> Column:
    match = _COLUMN.fullmatch(label)
    if match is None:
        raise WarehouseError(f"{path.name}: '{label}' must be 'column NAME TYPE'.")
    return Column(match["name"], match["type"], description)


@dataclass(frozen=True)
class Registry:
    """The views of one folder, and the stored relations that they rest on."""

    views: Mapping[str, View]  # by relation name, sorted by name and version
    stored: Mapping[str, str]  # SQL text with a {root} placeholder, by relation name

    @classmethod
    def load(cls, folder: Path) -> Registry:
        """Read every ``*.sql`` of ``folder``, and of ``folder/stored``."""
        views = [parse_view(path, _read(path)) for path in folder.glob("*.sql")]
        views.sort(key=lambda view: (view.name, view.version))
        stored = {path.stem: _read(path) for path in sorted((folder / "stored").glob("*.sql"))}
        return cls({view.relation: view for view in views}, stored)

    @cached_property
    def aliases(self) -> dict[str, str]:
        """The relation of the newest version, by plain name."""
        return {view.name: view.relation for view in self.views.values()}

    def find(self, name: str, version: int | None = None) -> View:
        """The view of that name: the newest version, or the one asked for.

        ``name`` may also be a relation's name, such as ``reward_trends_v1``.
        """
        relation = self.aliases.get(name)
        if relation is not None and version is not None:
            relation = f"{name}_v{version}"
        elif relation is None and name in self.views:
            relation = name
            if version not in (None, self.views[name].version):
                raise NoSuchView(
                    f"{name!r} is version {self.views[name].version}, not {version}.",
                    hint=f"Leave out the version, or name the view {self.views[name].name}.",
                )
        if relation is None:
            raise NoSuchView(f"There is no view {name!r}.", hint=self._nearest(name))
        if relation not in self.views:
            there = ", ".join(str(v.version) for v in self.views.values() if v.name == name)
            raise NoSuchView(
                f"There is no version {version} of {name!r}.",
                hint=f"It has version {there}; `dakota-wh views` lists all.",
            )
        return self.views[relation]

    def _nearest(self, name: str) -> str:
        plain = name.strip().lower().replace("-", "_")
        names = {**dict.fromkeys(self.aliases), **dict.fromkeys(self.views)}
        if _FILE_STEM.fullmatch(plain) is None:
            names = dict.fromkeys(self.aliases)
        near = difflib.get_close_matches(plain, names, n=3, cutoff=0.5)
        if not near and plain:
            near = [known for known in names if plain in known][:3]
        if not near:
            return "`dakota-wh views` lists all."
        return f"Did you mean {' or '.join(near)}? `dakota-wh views` lists all."

    def dependencies(self, view: View) -> list[str]:
        """The relations that a view reads itself, sorted; every one is known or ``stored_…``."""
        for relation in view.reads:
            if relation not in self.views and not relation.startswith("stored_"):
                raise WarehouseError(f"{view.path.name} reads {relation}, which does not exist.")
        return list(view.reads)

    def closure(self, names: Iterable[str] | None = None) -> list[str]:
        """Every relation that is needed to query ``names``, in an order to create them in.

        ``names`` are views, plain or with a version, or stored relations; without, all views.
        """
        done: dict[str, None] = {}
        for name in self.views if names is None else names:
            self._visit(name if name.startswith("stored_") else self.find(name).relation, done, ())
        return list(done)

    def _visit(self, relation: str, done: dict[str, None], above: tuple[str, ...]) -> None:
        if relation in done:
            return
        if relation in above:
            raise WarehouseError(f"Views read each other in a circle: {' > '.join(above)}.")
        if relation in self.views:
            for needed in self.dependencies(self.views[relation]):
                self._visit(needed, done, (*above, relation))
        done[relation] = None

    @cached_property
    def fingerprint(self) -> str:
        """A hash over the text of all views and stored relations: a catalogue is stale by it."""
        digest = hashlib.sha256()
        texts = {**{name: view.text for name, view in self.views.items()}, **self.stored}
        for name, text in sorted(texts.items()):
            digest.update(f"{name}\0{text}\0".encode())
        return digest.hexdigest()


def _read(path: Path) -> str:
    """A file's text with ``\\n`` for line ends, whatever the checkout made of them."""
    return path.read_text(encoding="utf-8")


@cache
def registry() -> Registry:
    """The views that come with the package."""
    return Registry.load(FOLDER)


def all_views() -> list[View]:
    """Every version of every view, sorted by name and version."""
    return list(registry().views.values())


def find_view(name: str, version: int | None = None) -> View:
    """The view of that name, newest or of that version; else :class:`NoSuchView` with a hint."""
    return registry().find(name, version)


def dependencies(view: View) -> list[str]:
    """The relations that a view reads itself."""
    return registry().dependencies(view)


def closure(names: Iterable[str] | None = None) -> list[str]:
    """What must be created to query ``names`` (default: all views), in order."""
    return registry().closure(names)


def aliases() -> dict[str, str]:
    """The newest version's relation, by plain name."""
    return dict(registry().aliases)


def stored_relations() -> dict[str, str]:
    """The SQL text of each stored relation, with a ``{root}`` placeholder, by name."""
    return dict(registry().stored)


def fingerprint() -> str:
    """Changes whenever any view's or stored relation's text does."""
    return registry().fingerprint
