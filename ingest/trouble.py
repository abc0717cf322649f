"""What the system or a damaged file does to a run that is being stored, in words for a person."""

from __future__ import annotations

import os

import pyarrow as pa

from dakota_wh.errors import WarehouseError

#: What reading and writing Parquet raises, apart from our own errors.
TROUBLE = (OSError, pa.ArrowException)


def problem_of(run_id: str, error: OSError | pa.ArrowException) -> WarehouseError:
    """Return the error that a person should see; what was stored is untouched."""
    if isinstance(error, OSError):
        # pyarrow's text repeats itself; the system's own is enough, where there is a number.
        what = os.strerror(error.errno) if error.errno else str(error)
        hint = "Nothing that was stored is lost. Check space and permissions, and try again."
    else:
        what = str(error)
        hint = "If a stored file is damaged, ingest the run again with --force: it is put back."
    problem = WarehouseError(
        f"Run {run_id} could not be stored: {' '.join(what.split())[:200].rstrip('.')}.", hint=hint
    )
    problem.__cause__ = error
    return problem
