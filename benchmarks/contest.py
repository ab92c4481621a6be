"""What the contests share: clocks, processes of their own, and the machine's peak."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def keras_epochs(fit, epochs):
    """Seconds of each epoch after the first, by a callback's clock."""
    import keras

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            seconds.append(time.perf_counter() - self.start)

    seconds = []
    fit(epochs + 1, Clock())
    return seconds[1:]


def tf_keras_clock():
    """A tf_keras callback with the `seconds` of each epoch."""
    import tf_keras

    class Clock(tf_keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seconds = []

        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds.append(time.perf_counter() - self.start)

    return Clock()


def torch_epochs(x, optimizer, loss_of, batch_size, epochs):
    """Seconds of each epoch after the first, of a PyTorch training on shuffled rows of the tensor x."""
    import torch

    seconds = []
    for _ in range(epochs + 1):
        start = time.perf_counter()
        for rows in torch.randperm(len(x)).split(batch_size):
            optimizer.zero_grad()
            loss_of(x[rows]).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def matmul_peak(*_):
    """The machine's floating-point operations a second in a large float32 matrix product: the best of ten."""
    import tensorflow as tf

    n = 2048
    a, b = tf.random.normal([n, n]), tf.random.normal([n, n])
    best = 0.0
    for _ in range(11):
        start = time.perf_counter()
        (a @ b).numpy()
        best = max(best, 2 * n**3 / (time.perf_counter() - start))
    return best


def _status(code):
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"


def _last_of_traceback(text):
    """The error itself: the last line of a traceback that is not indented; no line of a log."""
    lines = text.strip().splitlines()
    if "Traceback (most recent call last):" not in lines:
        return "no traceback"
    start = len(lines) - 1 - lines[::-1].index("Traceback (most recent call last):")
    return next((line for line in lines[start + 1 :] if line and not line.startswith(" ")), "no message")


def measured_alone(script, **options):
    """(what a script of this folder prints for its `options` in a process of its own, or None; what went wrong)."""
    command = [sys.executable, Path(__file__).with_name(script)]
    command += [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=environment)
    if result.returncode:
        return None, f"it ended with {_status(result.returncode)}: {_last_of_traceback(result.stderr)}"
    return json.loads(result.stdout.strip().splitlines()[-1]), ""
