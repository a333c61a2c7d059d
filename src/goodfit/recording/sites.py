"""Which line of the user's own code is running."""

from __future__ import annotations

import linecache
import os
import re
import site
import sys
import sysconfig
from types import CodeType, FrameType

from goodfit.recording.records import Site

_HELD_OUT = re.compile(
    r"(?:^|[^a-z])(?:val|valid|validation|test|tst|dev|holdout|held_out|eval|evaluate)(?:$|[^a-z])", re.I
)
_TRAINING = re.compile(r"(?:^|[^a-z])(?:train|training|trn|tr)(?:$|[^a-z])", re.I)
_DEEPEST = 60  # frames looked through


class Sites:
    """Tells the user's frames from those of libraries.

    Args:
        own: files that are the user's wherever they lie (the script itself).
        folder: the working folder, which paths are told relative to.
        outermost: the code of a loop of ours that trains the user's model: who called it has no part in the training,
            and what no line of the user's calls within it has a place without a file.
    """

    def __init__(
        self, own: frozenset[str] = frozenset(), folder: str | None = None, outermost: CodeType | None = None
    ) -> None:
        self._own = own
        self._outermost = outermost
        self._folder = os.getcwd() if folder is None else folder
        paths = sysconfig.get_paths()
        roots = {paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"]}
        for places in (site.getsitepackages, lambda: [site.getusersitepackages()]):
            roots.update(places())
        for name in ("torch", "goodfit", "numpy"):
            module = sys.modules.get(name)
            if module is not None and module.__file__:
                roots.add(os.path.dirname(module.__file__))
        self._roots = tuple(os.path.join(os.path.realpath(root), "") for root in roots)
        self._roots += tuple(os.path.join(root, "") for root in roots)
        self._is_user: dict[str, bool] = {}
        self._made: dict[tuple[str, int], Site] = {}

    def frame(self) -> FrameType | None:
        """The innermost frame of the user's code."""
        frame: FrameType | None = sys._getframe(1)
        known = self._is_user
        for _ in range(_DEEPEST):
            if frame is None or frame.f_code is self._outermost:
                return None
            name = frame.f_code.co_filename
            own = known.get(name)
            if own is None:
                own = known[name] = self._belongs_to_user(name)
            if own:
                return frame
            frame = frame.f_back
        return None

    def here(self) -> Site | None:
        """The line that the innermost frame of the user's code is at."""
        frame = self.frame()
        if frame is None:
            return None if self._outermost is None else Site("", 0)
        return self.of(frame)

    def of(self, frame: FrameType) -> Site:
        """The line that a frame is at."""
        key = (frame.f_code.co_filename, frame.f_lineno)
        made = self._made.get(key)
        if made is None:
            made = Site(
                file=self._shown(key[0]),
                line=key[1],
                function=frame.f_code.co_name,
                code=linecache.getline(*key).strip(),
            )
            self._made[key] = made
        return made

    def _belongs_to_user(self, name: str) -> bool:
        if name in self._own:
            return True
        if name.startswith("<"):
            return name.startswith("<ipython-input")
        if "ipykernel_" in name:
            return True
        path = os.path.realpath(name)
        return path in self._own or not path.startswith(self._roots)

    def _shown(self, name: str) -> str:
        path = os.path.abspath(name)
        within = os.path.relpath(path, self._folder)
        return name if within.startswith("..") else within


def names_held_out(*texts: str) -> bool:
    """Whether code calls its data validation or test data."""
    return any(_HELD_OUT.search(text.replace("_", " ")) for text in texts)


def names_training(*texts: str) -> bool:
    """Whether code calls its data training data."""
    return any(_TRAINING.search(text.replace("_", " ")) for text in texts)
