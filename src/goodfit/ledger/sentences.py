"""What a database says when it can't, as one sentence for people."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from sqlalchemy.exc import DBAPIError

from goodfit.errors import FolderError


@contextlib.contextmanager
def as_sentences(where: str, what: str) -> Generator[None]:
    """Turn a database's complaints within the block into a FolderError.

    Args:
        where: the ledger, as the message names it: "ledger runs/digits-1/ledger.db".
        what: what was tried: "opened", "read", "written".
    """
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig)
        raise FolderError(f"The {where} can't be {what}: {_next_move(said)}") from error
    except OverflowError as error:  # a whole number that no database holds, such as a user's seed
        raise FolderError(f"The {where} can't be {what}: a number in it is 2^63 or more.") from error


def _next_move(said: str) -> str:
    if "not a database" in said:
        return "it is no SQLite file; choose another place."
    if "malformed" in said or "decode" in said:
        return f"it is damaged ({said}); sqlite3's .recover may save a part of it."
    if "locked" in said or "busy" in said:
        return f"another process holds it ({said}); let that one end its transaction, then --resume."
    if "full" in said:
        return f"{said}; free some space, then --resume."
    return f"{said}."
