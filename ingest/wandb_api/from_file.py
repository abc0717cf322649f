"""The variables that this process took from a ``.env`` file, where the environment had none.

They lie in the working folder, which may be somebody else's: what they say is not what the user
said, and :mod:`server_address` minds that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: A variable's name, and the file that it was taken from.
TAKEN: Final[dict[str, Path]] = {}
