"""A plot in braille characters: two by four dots in each, enough to see a curve in a terminal."""

from __future__ import annotations

import dataclasses

import numpy as np

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column within a character
EMPTY = 0x2800


@dataclasses.dataclass(slots=True)
class Canvas:
    """A drawing of `columns` by `lines` characters; places are from 0 to 1, upwards."""

    columns: int
    lines: int
    cells: np.ndarray = dataclasses.field(init=False)  # uint8 [lines, columns]: the dots
    owners: np.ndarray = dataclasses.field(init=False)  # int [lines, columns]: which curve a character is of; -1: none

    def __post_init__(self) -> None:
        self.cells = np.zeros((self.lines, self.columns), dtype=np.uint8)
        self.owners = np.full((self.lines, self.columns), -1)

    def curve(self, xs: np.ndarray, ys: np.ndarray, owner: int) -> None:
        """A line through points; those outside are held at the border."""
        wide, high = 2 * self.columns - 1, 4 * self.lines - 1
        across, down = np.clip(xs, 0, 1) * wide, (1 - np.clip(ys, 0, 1)) * high
        for i in range(len(xs)):
            self._dot(round(float(across[i])), round(float(down[i])), owner)
            if i + 1 < len(xs):
                n = int(max(abs(across[i + 1] - across[i]), abs(down[i + 1] - down[i]))) + 1
                for t in np.linspace(0, 1, n + 1)[1:-1]:
                    x, y = across[i] + t * (across[i + 1] - across[i]), down[i] + t * (down[i + 1] - down[i])
                    self._dot(round(float(x)), round(float(y)), owner)

    def _dot(self, x: int, y: int, owner: int) -> None:
        line, column = y // 4, x // 2
        self.cells[line, column] |= _DOTS[y % 4][x % 2]
        self.owners[line, column] = owner

    def rows(self) -> list[list[tuple[str, int]]]:
        """Lines of (character, curve)."""
        return [
            [(chr(EMPTY + int(dots)) if dots else " ", int(owner)) for dots, owner in zip(line, owners, strict=True)]
            for line, owners in zip(self.cells, self.owners, strict=True)
        ]
