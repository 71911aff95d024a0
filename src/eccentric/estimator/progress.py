"""Progress of a fit."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eccentric.training.metrics import Metrics

__all__ = ["Progress"]

LINES = 20  # lines printed per run with verbose=1 if there is no terminal
WIDTH = 20  # characters in the bar


class Progress:
    """Prints nothing for verbose=0, a bar (or about twenty lines without a terminal) for 1, a line per epoch for 2.

    Args:
        verbose: parameter of the estimator.
        usual: number of epochs of the run, or of most runs if it is not known in advance.
        most: largest possible number of epochs.
        name: name of the run, printed at the start of each line.
    """

    def __init__(self, verbose: int, usual: int, most: int, name: str = "") -> None:
        self._verbose, self._usual, self._most, self._name = verbose, usual, most, name
        self._bar = verbose == 1 and sys.stdout.isatty()
        self._open = False

    def show(self, row: Metrics) -> None:
        """Show a row of metrics at the end of an epoch."""
        if not self._verbose:
            return
        every = 1 if self._verbose > 1 or self._bar else max(1, self._usual // LINES)
        if row.epoch % every and row.epoch != self._most:
            return
        held_out = "" if row.test_reconstruction is None else f", held out {row.test_reconstruction:.4f}"
        of = f"{self._most}" if self._most == self._usual else f"at most {self._most}"
        text = (
            f"{self._name}epoch {row.epoch} of {of}, step {row.step}: error {row.reconstruction:.4f}"
            f"{held_out}, trace {row.trace:.2f}"
        )
        if self._bar:
            done = round(WIDTH * row.epoch / self._most)
            print(f"\r[{'#' * done:<{WIDTH}}] {text}", end="", flush=True)
            self._open = True
        else:
            print(text)

    def end(self, note: str = "") -> None:
        """End the bar, and print a note on the run."""
        if self._open:
            print()
            self._open = False
        if note and self._verbose:
            print(f"{self._name}{note}")
