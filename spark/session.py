"""A Spark session of our own, for the command line: small, quiet, and gone with the process."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from dakota_wh.errors import NotInstalled, UsageProblem, WarehouseError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: All cores of this machine.
LOCAL: Final = "local[*]"

#: On one machine planning takes longer than the data does: no code is generated for it, nothing
#: is planned twice, and no constraint is inferred, which takes most of the time of wide plans.
_ONE_MACHINE: Final = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
_EVERYWHERE: Final = {
    "spark.app.name": "dakota-wh",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.driver.memory": "2g",
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}


def import_spark() -> type[SparkSession]:
    """Return pyspark's session class.

    Raises:
        NotInstalled: it is not installed.
    """
    with warnings.catch_warnings():
        # pyspark warns of versions of pandas; nothing here goes through pandas.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            import sqlglot  # noqa: F401
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise NotInstalled("Spark", error.name or "a package", extra="spark") from error
    return SparkSession


def own_session(master: str | None = None) -> SparkSession:
    """Return the process's session, started if there is none.

    Args:
        master: ``local[N]`` or a cluster's address, ``spark://host:7077``; by default all cores of
            this machine, or whatever the session runs on that is there already.

    Raises:
        WarehouseError: pyspark or Java is missing, or the cluster does not answer.
        UsageProblem: there is a session on another master.
    """
    session_class = import_spark()
    there = session_class.getActiveSession()
    if there is not None:
        running = there.conf.get("spark.master", "")
        if master is not None and master != running:
            raise UsageProblem(
                f"This process has a Spark session on {running} already.",
                hint=f"Leave out the master {master}, or stop that session first.",
            )
        return there
    wanted = master or LOCAL
    builder = session_class.builder.master(wanted)
    settings = {**_EVERYWHERE, **(_ONE_MACHINE if wanted.startswith("local") else {})}
    settings["spark.sql.warehouse.dir"] = str(
        Path(tempfile.gettempdir()) / f"dakota-wh-spark-{os.getpid()}"
    )
    for key, value in settings.items():
        builder = builder.config(key, value)
    _hush()
    with tempfile.TemporaryFile() as log, _stderr_to(log), _interrupt_kept():
        try:
            return builder.getOrCreate()
        except Exception as error:  # of py4j, of Java, of pyspark
            raise WarehouseError(
                f"Spark does not start on {wanted}: {_why(log, error).rstrip('.')}.",
                hint="It needs Java 17 or newer (JAVA_HOME, or java on the path), and a master "
                "that answers.",
            ) from error


def _hush() -> None:
    """Keep pyspark from writing errors to stderr as JSON: they are raised, and told as ours."""
    from pyspark.logger import PySparkLogger

    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        PySparkLogger.getLogger(name).disabled = True


@contextmanager
def _interrupt_kept() -> Iterator[None]:
    """Let Ctrl-C do what somebody has said that it does: pyspark takes it for itself."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        is_said = before not in (None, signal.default_int_handler)
        if is_said and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


@contextmanager
def _stderr_to(log: IO[bytes]) -> Iterator[None]:
    """Let a process that starts meanwhile write its log to a file, not among our own messages."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, ValueError, AttributeError):  # there is none
        yield
        return
    try:
        os.dup2(log.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _why(log: IO[bytes], error: Exception) -> str:
    """Return the last words of Java, or Python's where it had none."""
    with suppress(OSError):
        log.seek(0)
        lines = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
        said = [line for line in lines if not line.startswith("at ")]  # but where it was said
        # Java's exceptions have their words behind their kind; a script's errors are its lines.
        for words in (
            r"[\w.$]*(?:Exception|Error): (.+)",
            r" ERROR [\w.$]+: (?:.* Reason: )?(.+)",
            r"(.*(?:rror|not found|No such file).*)",
        ):
            told = [found[1] for found in map(re.compile(words).search, said) if found]
            if told:
                return str(told[0])[:300]
    return (str(error).strip() or type(error).__name__).splitlines()[0]
