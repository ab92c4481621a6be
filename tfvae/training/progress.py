"""One line that says how far a training is."""

import sys
import time
from typing import Any

import keras

_EVERY = 10.0  # seconds between two lines where lines cannot be written over


class ProgressLine(keras.callbacks.Callback):
    """Epoch, losses and the time left at most, on one line that is written over; into a file a line every ten seconds.

    Args:
        stream: where to write; None for standard error.
    """

    def __init__(self, stream: Any = None):
        super().__init__()
        self.stream = stream or sys.stderr

    def on_train_begin(self, logs: Any = None) -> None:
        self._begun = self._shown = time.monotonic()
        self._first: int | None = None
        self._last: int | None = None
        self._width = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._first = epoch if self._first is None else self._first

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        now, total = time.monotonic(), self.params["epochs"]
        self._last = done = epoch + 1
        left = (now - self._begun) / (done - (self._first or 0)) * (total - done)
        losses = ", ".join(f"{name} {logs[name]:.4f}" for name in ("loss", "val_loss") if name in (logs or {}))
        self._show(f"epoch {done} of at most {total}: {losses}; at most {_clock(left)} left", now)

    def on_train_end(self, logs: Any = None) -> None:
        if self._last is None:
            return
        stopped = self._last < self.params["epochs"]
        took = _clock(time.monotonic() - self._begun)
        self._write(
            f"stopped early at epoch {self._last}, after {took}" if stopped else f"{self._last} epochs in {took}"
        )
        self.stream.write("\n")

    def _show(self, line, now):
        if self.stream.isatty():
            self._write(line)
        elif now - self._shown >= _EVERY:
            self._shown = now
            self.stream.write(line + "\n")
            self.stream.flush()

    def _write(self, line):
        """Over what stands there, where that can be done."""
        if self.stream.isatty():
            self.stream.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            self.stream.write(line)
        self.stream.flush()


def _clock(seconds):
    """Seconds as 45 s, 3 min 20 s or 2 h 5 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
