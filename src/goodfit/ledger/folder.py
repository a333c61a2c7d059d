"""A run's folder: what lies where, and files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

from goodfit.errors import FolderError
from goodfit.findings import Json, plain

_UNFINISHED = ".unfinished-"  # how names of what is being written begin


@dataclasses.dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run (design 2.3)."""

    path: Path

    @classmethod
    def create(cls, path: str | Path, resume: bool = False) -> RunFolder:
        """A folder to write a run into, made if there is none.

        With `resume` a folder without a run is taken too: the process may have been killed before it wrote anything.

        Raises:
            FolderError: it holds a run and `resume` is off; or it can't be made or written.
        """
        folder = cls(Path(path))
        if not resume and folder.holds_run:
            raise FolderError(
                f"{folder.path} already holds a run; go on with it by --resume, or give another folder by --out."
            )
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder.path, prefix=_UNFINISHED):
                pass  # the surest way to know that it can be written
        except FileExistsError as error:
            raise FolderError(f"{folder.path} is a file; give a folder by --out.") from error
        except OSError as error:
            raise FolderError(f"{folder.path} can't be written ({error.strerror}); give another by --out.") from error
        return folder

    @classmethod
    def existing(cls, path: str | Path) -> RunFolder:
        """The folder of a run that is there, for reading.

        Raises:
            FolderError: there is none, or no run in it.
        """
        folder = cls(Path(path))
        if not folder.path.is_dir():
            raise FolderError(f"There is no folder {folder.path}.")
        if not folder.holds_run:
            raise FolderError(f"{folder.path} holds no run: neither a ledger.db nor a result.json is in it.")
        return folder

    @property
    def holds_run(self) -> bool:
        """Whether a run has left anything here that another would overwrite."""
        files = (self.ledger, self.result, self.report)
        return any(file.exists() for file in files) or any(_is_filled(d) for d in (self.best, self.checkpoints))

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.db"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def best(self) -> Path:
        return self.path / "best"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def write_result(self, document: Json) -> None:
        """result.json; not-a-number and infinity are null."""
        write_whole(self.result, json.dumps(plain(document), indent=2, allow_nan=False) + "\n")

    def write_report(self, html: str) -> None:
        write_whole(self.report, html)

    @contextlib.contextmanager
    def writing_best(self) -> Generator[Path]:
        """A folder to fill; it takes the place of `best` when the block ends well, else `best` stays as it was.

        Raises:
            FolderError: it can't be written.
        """
        with _as_sentence(self.best):
            new = Path(tempfile.mkdtemp(dir=self.path, prefix=_UNFINISHED))
        try:
            yield new
            with _as_sentence(self.best):
                new.chmod(0o755)  # mkdtemp keeps others out
                if self.best.exists():
                    old = Path(tempfile.mkdtemp(dir=self.path, prefix=_UNFINISHED))
                    self.best.rename(old / "best")
                    new.rename(self.best)
                    shutil.rmtree(old, ignore_errors=True)
                else:
                    new.rename(self.best)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def clear_unfinished(self) -> None:
        """Put away what a killed process was writing. Only for who holds the study: another may be writing still."""
        for left in self.path.glob(f"{_UNFINISHED}*"):
            if left.is_dir():
                if (left / "best").exists() and not self.best.exists():
                    (left / "best").rename(self.best)  # killed between the two renames of `writing_best`
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that whoever looks, at any moment and after any crash, sees the old content or the new.

    Raises:
        FolderError: it can't be written; the old file, if any, is untouched.
    """
    with _as_sentence(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)  # mkstemp keeps others out
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise


@contextlib.contextmanager
def _as_sentence(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise FolderError(f"{path} can't be written ({error.strerror or error}).") from error


def _is_filled(directory: Path) -> bool:
    return directory.is_dir() and any(directory.iterdir())
