"""Small inputs that stand for much; run as a program: ``python -m tests.ingest.bombs FOLDER``.

Each is ingested into a warehouse of its own by one process that may have no more than so many
addresses, and a line of JSON tells what became of it, and the most memory that it took.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dakota_wh import api
from dakota_wh.warehouse import catalogue
from tests.wandb_log.encoder import changes, chunk, history, item, log, number, record, records, run

MEMORY = 4 * 1024**3
DEEP = 100_000

Bomb = Callable[[Path], Path]
BOMBS: dict[str, Bomb] = {}


def bomb(make: Bomb) -> Bomb:
    """Add a bomb to the list, by its name."""
    BOMBS[make.__name__] = make
    return make


def row(*items: bytes, step: int = 0) -> tuple[int, bytes]:
    return 2, history([item(["_step"], str(step)), *items], step)


def written(folder: Path, *bodies: tuple[int, bytes]) -> Path:
    """Write a log of those records that ends well."""
    path = folder / f"run-{folder.name}.wandb"
    path.write_bytes(log(records([(17, run(folder.name)), *bodies, (18, b"")])))
    return path


def as_csv(folder: Path, text: str) -> Path:
    path = folder / "bomb_history.csv"
    path.write_text(text)
    return path


def as_json(folder: Path, history: str, **members: str) -> Path:
    path = folder / "bomb.json"
    more = "".join(f'"{name}":{text},' for name, text in members.items())
    path.write_text(f'{{"run_info":{{"id":"bomb"}},{more}"history":[{history}]}}')
    return path


def as_parquet(folder: Path, table: pa.Table) -> Path:
    path = folder / "bomb_history.parquet"
    pq.write_table(table, path, compression="zstd", row_group_size=1_000_000)
    return path


@bomb
def nothing(folder: Path) -> Path:
    return written(folder, row())


@bomb
def claims_4_gb(folder: Path) -> Path:
    payloads = records([(17, run("claims")), row()])
    claim = number(1, 3) + b"\x12" + b"\x80\x80\x80\x80\x10" + b"abc"  # 2**32 bytes
    path = folder / "run-claims.wandb"
    path.write_bytes(log([*payloads, claim, record(4, 18, b"")]))
    return path


@bomb
def deep_values(folder: Path) -> Path:
    dicts, lists = '{"a":' * DEEP + "1" + "}" * DEEP, "[" * DEEP + "]" * DEEP
    items = [item(["dicts"], dicts), item(["lists"], lists)]
    return written(folder, row(*items), (5, changes(items)), (3, changes(items)))


@bomb
def deep_keys(folder: Path) -> Path:
    items = [item(["a"] * DEEP, "1"), item(["a", "_type"], '"x"')]
    return written(folder, row(*items), (5, changes(items)), (3, changes(items)))


@bomb
def deep_groups(folder: Path) -> Path:
    """Groups of protobuf's first version, which W&B never wrote, and messages in messages."""
    nested = b""
    for _ in range(2000):
        nested = chunk(1, nested)
    return written(folder, row(), (2, b"\x0b" * DEEP + b"\x0c" * DEEP), (2, nested))


@bomb
def many_keys(folder: Path) -> Path:
    items = b"".join(b"\x0a\x0d\x12\x07%07d\x82\x01\x012" % n for n in range(250_000))
    return written(folder, (2, items))


@bomb
def keys_that_come_and_go(folder: Path) -> Path:
    return written(folder, *(row(item([f"k{n}"], "1"), step=n) for n in range(1_500)))


@bomb
def long_text(folder: Path) -> Path:
    return written(folder, row(item(["t"], '"' + "x" * 20_000_000 + '"')))


@bomb
def steps_at_both_ends(folder: Path) -> Path:
    steps = ("-9223372036854775808", "9223372036854775807", "0")
    rows = [(2, history([item(["_step"], step), item(["x"], "1")])) for step in steps]
    return written(folder, *rows, (3, changes([item(["_step"], "1e300")])))


@bomb
def steps_beyond(folder: Path) -> Path:
    steps = ("9223372036854775808", "-1e300", "1" * 5000, "0.5", "NaN")
    return written(folder, *((2, history([item(["_step"], step)])) for step in steps))


@bomb
def times_beyond(folder: Path) -> Path:
    clock = [item(["_timestamp"], "1e18"), item(["_runtime"], "-1e300")]
    begun = (17, run("abc", start=2**63 - 1))
    return written(folder, begun, row(*clock), row(item(["_timestamp"], "-1e18"), step=1))


@bomb
def odd_texts(folder: Path) -> Path:
    keys = [
        b"\x00",
        b"a\x00b",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        "\U0001f600".encode(),
        b"",
        b"a",
        b"a",
    ]
    values: list[str | bytes] = [
        '"\\ud800"',
        '"\\u0000"',
        '{"\\ud800":"\\ud800"}',
        b'"\xff"',
        "1",
        "2",
        '{"a":1,"a":2}',
    ]
    items = [item([key], value) for key in keys for value in values]
    tags = chunk(10, b"\xff") + chunk(8, b"\xed\xa0\x80") + chunk(9, b"\x00")
    return written(
        folder, (17, run("abc") + tags), row(*items), (3, changes(items)), (5, changes(items))
    )


@bomb
def many_segments(folder: Path) -> Path:
    for n in range(300):  # more than may be open at once, see below
        path = folder / "wandb" / f"run-{n:06d}-s" / "run-s.wandb"
        path.parent.mkdir(parents=True)
        path.write_bytes(log(records([(17, run("s", start=1_700_000_000 + n)), row(step=n)])))
    return folder / "wandb"


@bomb
def csv_of_many_columns(folder: Path) -> Path:
    names = ",".join(f"c{n}" for n in range(250_000))
    return as_csv(folder, f"_step,{names}\n" + "0," * 250_000 + "0\n")


@bomb
def csv_never_closed(folder: Path) -> Path:
    return as_csv(folder, '_step,a\n0,"' + ("x" * 80 + "\n") * 220_000)


@bomb
def csv_header_never_closed(folder: Path) -> Path:
    return as_csv(folder, '_step,"' + ("x" * 80 + "\n") * 220_000)


@bomb
def json_of_nulls(folder: Path) -> Path:
    return as_json(folder, ",".join(["null"] * 1_000_000))


@bomb
def json_of_nulls_beside(folder: Path) -> Path:
    return as_json(folder, '{"_step":0}', summary='{"a":[' + ",".join(["null"] * 1_000_000) + "]}")


@bomb
def json_deep(folder: Path) -> Path:
    return as_json(folder, '{"_step":0,"a":' + "[" * DEEP + "]" * DEEP + "}")


@bomb
def json_of_ever_other_keys(folder: Path) -> Path:
    return as_json(folder, ",".join(f'{{"_step":{n},"k{n}":1}}' for n in range(1_500)))


@bomb
def parquet_of_one_step(folder: Path) -> Path:
    """A billion rows would be as few bytes, nearly."""
    return as_parquet(folder, pa.table({"_step": np.zeros(5_000_000, np.int64)}))


@bomb
def parquet_of_one_text(folder: Path) -> Path:
    text = pa.array(["x" * 1_000_000]).dictionary_encode().take(pa.array([0] * 200))
    return as_parquet(folder, pa.table({"_step": np.arange(200), "a": text}))


@bomb
def parquet_of_one_list(folder: Path) -> Path:
    return as_parquet(folder, pa.table({"_step": [0], "a": pa.array([np.zeros(5_000_000)])}))


def main() -> None:
    """Ingest all bombs."""
    folder = Path(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
    catalogue.ensure = no_catalogue
    for name, make in BOMBS.items():
        place = folder / name
        place.mkdir()
        path = make(place)
        before = peak(begin=True)
        (landed,) = api.open(place / "warehouse").ingest(path)
        told = {
            "bomb": name,
            "peak": peak() - before,
            "size": sum(p.stat().st_size for p in ([path] if path.is_file() else path.rglob("*"))),
            "rows": landed.rows,
            "completeness": landed.completeness,
            "note": landed.note,
            "error": None if landed.error is None else type(landed.error).__name__,
            "hint": "" if landed.error is None else landed.error.hint,
        }
        print(json.dumps(told), flush=True)


def no_catalogue(root: Path) -> bool:
    """Build none: no shell is used here."""
    return False


def peak(*, begin: bool = False) -> int:
    """Return the most bytes that were in use since the last beginning."""
    if begin:
        Path("/proc/self/clear_refs").write_text("5")
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    main()
