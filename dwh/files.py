"""A file is written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Put a file in its place in one piece: a reader, or a kill, finds the old one or the new one.

    Args:
        path: the file; its folder is there. A link would be replaced, not followed.
        content: all of it.
        mode: its permissions, such as 0o600.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
