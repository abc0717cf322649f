"""From the ``.sql`` files to the statements that lay a warehouse's views on a Spark session.

Spark writes every view out where it is read, and every ``WITH`` as often as it is named. Of views
on views that makes plans that no driver's memory holds: the pairs are named seven times by one
view, and what they stand on twice or three times by each of theirs. So a relation that is read more
than once and is made of many is *staged*: computed when it is laid, and read from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from sqlglot import exp

from dakota_wh.spark.dialect import parse, to_spark
from dakota_wh.spark.tables import files_of, stored_select
from dakota_wh.spark.wide import WIDE, wide_files
from dakota_wh.sql import views as registry
from dakota_wh.warehouse.relations import STORED_RUNS

#: A relation that is read more than once is staged when so many relations stand behind it, each
#: counted as often as it is written out.
_MANY: Final = 8


class Kind(Enum):
    """What becomes of a statement's text."""

    FILES = "a whole statement, which makes a relation of files"
    VIEW = "a SELECT, computed where it is read"
    STAGE = "a SELECT, computed when it is laid"
    NAME = "a relation that is there, for which this is another name"


@dataclass(frozen=True, slots=True)
class Statement:
    """One relation on its way to a session."""

    relation: str
    kind: Kind
    text: str


def statements(root: Path, names: Iterable[str], runs: Sequence[str] = ()) -> list[Statement]:
    """Return what lays views and everything below them on a session, in order.

    Args:
        root: the warehouse's folder.
        names: views, plain or with a version; a plain name gets its newest version as well.
        runs: read the files of these runs only; all of the views must have rows of one run each.

    Raises:
        NotPortable: a view holds what is not known to be the same on Spark.
        NotAWarehouse: a file cannot be read.
    """
    wanted = list(names)
    aliases = registry.aliases()
    closed = registry.closure([aliases.get(one, one) for one in wanted])
    stored = dict.fromkeys([STORED_RUNS, *(one for one in closed if one.startswith("stored_"))])
    done = [laid for relation in stored for laid in _stored(root, relation, runs)]
    done += _views([one for one in closed if one not in stored])
    for one in dict.fromkeys(wanted):
        if one in aliases:
            done.append(Statement(one, Kind.NAME, aliases[one]))
    return done


def _stored(root: Path, relation: str, runs: Sequence[str]) -> Iterator[Statement]:
    table = relation.removeprefix("stored_")
    if table in WIDE:
        for files, text in wide_files(root, table, runs):
            yield Statement(files, Kind.FILES, text)
    else:
        yield Statement(f"files_{table}", Kind.FILES, files_of(root, table))
    kind = Kind.STAGE if relation == STORED_RUNS else Kind.VIEW
    yield Statement(relation, kind, stored_select(relation, runs))


@dataclass(slots=True)
class _Block:
    """A view, or a relation of its WITH: one SELECT and what it names."""

    relation: str
    select: exp.Expr
    #: What the names in it mean: blocks by the name that the text has for them.
    local: Mapping[str, _Block]
    reads: list[str] = field(default_factory=list)
    weight: int = 0


def _views(relations: Sequence[str]) -> Iterator[Statement]:
    blocks: dict[str, _Block] = {}
    ends: dict[str, _Block] = {}
    for relation in relations:
        for block in _blocks(relation):
            blocks[block.relation] = block
        ends[relation] = blocks[relation]
    read = Counter(one for block in blocks.values() for one in block.reads)
    staged: set[str] = set()
    for block in blocks.values():  # each after what it reads
        block.weight = sum(
            1 if one in staged or one not in blocks else 1 + blocks[one].weight
            for one in block.reads
        )
        if read[block.relation] > 1 and block.weight >= _MANY:
            staged.add(block.relation)
    for block in blocks.values():
        if block.relation in staged:
            yield Statement(block.relation, Kind.STAGE, _text(block, staged))
        elif block.relation in ends:
            yield Statement(block.relation, Kind.VIEW, _text(block, staged))


def _blocks(relation: str) -> Iterator[_Block]:
    view = registry.find_view(relation)
    before = view.text[: view.text.index(view.sql)].count("\n")
    tree = parse(view.sql, view.path.name, before + 1)
    local: dict[str, _Block] = {}
    clause = tree.args.get("with_")
    for part in clause.expressions if clause is not None else ():
        block = _Block(f"{relation}__{part.alias}", part.this, dict(local))
        local[part.alias] = block
        _learn(block)
        yield block
    tree.set("with_", None)
    block = _Block(relation, tree, local)
    _learn(block)
    yield block


def _learn(block: _Block) -> None:
    for table in block.select.find_all(exp.Table):
        known = block.local.get(table.name)
        block.reads.append(known.relation if known is not None else table.name)


def _text(block: _Block, staged: set[str]) -> str:
    """Return a block as Spark SQL, with the parts of its WITH that are not staged."""
    needed: dict[str, _Block] = {}

    def visit(one: _Block) -> None:
        for table in one.select.find_all(exp.Table):
            below = one.local.get(table.name)
            if below is not None and below.relation not in staged and table.name not in needed:
                visit(below)
                needed[table.name] = below

    visit(block)
    tree = _renamed(block, staged)
    if needed:
        parts = [
            exp.CTE(this=_renamed(one, staged), alias=exp.TableAlias(this=exp.to_identifier(alias)))
            for alias, one in needed.items()
        ]
        tree.set("with_", exp.With(expressions=parts))
    return to_spark(tree)


def _renamed(block: _Block, staged: set[str]) -> exp.Expr:
    """Return a block's SELECT, reading what is staged by the name that it is laid under."""
    tree = block.select.copy()
    for table in list(tree.find_all(exp.Table)):
        below = block.local.get(table.name)
        if below is not None and below.relation in staged:
            alias = table.alias or table.name
            table.replace(
                exp.Table(
                    this=exp.to_identifier(below.relation),
                    alias=exp.TableAlias(this=exp.to_identifier(alias)),
                )
            )
    return tree
