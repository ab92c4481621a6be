"""The line that says how far a training is."""

import io

import keras
import numpy as np
import pytest

from tests.models.test_vae import make_vae
from tfvae.training import ProgressLine, progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_one_line_that_is_written_over(x):
    stream = Terminal()
    make_vae().fit(x, epochs=3, verbose=0, callbacks=[ProgressLine(stream)])
    first, *between, last = stream.getvalue().split("\r")[1:]
    assert first.startswith("epoch 1 of at most 3: loss ")
    assert len(between) == 2
    assert last.rstrip(" \n").startswith("3 epochs in ")


def test_a_file_gets_a_line_every_ten_seconds_and_is_told_of_an_early_stop(x, monkeypatch):
    clock = iter(np.arange(0.0, 1000.0, 4.0))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    stream = io.StringIO()
    stopping = keras.callbacks.EarlyStopping("loss", min_delta=1e9, patience=5)
    make_vae().fit(x, epochs=20, verbose=0, callbacks=[stopping, ProgressLine(stream)])
    lines = stream.getvalue().splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["epoch 3 of at most 20", "epoch 6 of at most 20"]
    assert "at most 1 min 8 s left" in lines[0]  # 12 seconds for three epochs, and 17 to go
    assert lines[-1].startswith("stopped early at epoch 6, after ")


@pytest.mark.parametrize(("seconds", "words"), [(45, "45 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_times_are_said_as_one_says_them(seconds, words):
    assert progress._clock(seconds) == words
