"""Training that a kill interrupts and a resumed one continues, to the same end as an unbroken one."""

import contextlib
import inspect
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfvae.host import keras_door

_PLAIN = (bool, int, float, str, np.generic, type(None))


class Checkpoint(keras.callbacks.Callback):
    """Keeps model, optimizer, seeds, epoch, history and the state of the other callbacks in one folder per epoch.

    Keras' `BackupAndRestore` keeps weights, optimizer and epoch only: a resumed early stopping would start counting anew.

    Args:
        folder: where the checkpoints go; the last whole one counts, older ones are deleted.
        others: the callbacks of the same fit whose state is kept.
        seconds: float, the least time between two checkpoints.
    """

    def __init__(self, folder: Any, others: Sequence = (), seconds: float = 10.0):
        super().__init__()
        self.folder, self.others, self.seconds = Path(folder), list(others), seconds
        self.rows: list[dict] = []
        self.resumed_state: Any = None
        self.stopped = False

    def latest(self) -> Path | None:
        """The folder of the last whole checkpoint, or None."""
        whole = sorted(self.folder.glob("epoch-*"))
        return whole[-1] if whole else None

    def restore(self, load: Callable = keras.models.load_model) -> tuple[Any, int]:
        """(model, next epoch) of the last checkpoint, by `load`; the callbacks' states follow when the training begins."""
        folder = self.latest()
        if folder is None:
            raise ValueError(f"{self.folder} holds no checkpoint.")
        state = json.loads((folder / "state.json").read_text())
        self.rows, self.resumed_state = state["history"], (folder, state["callbacks"])
        self.stopped = state["stopped"]
        return load(folder / "model.keras"), state["epoch"]

    def on_train_begin(self, logs: Any = None) -> None:
        self.last = time.monotonic()
        if self.resumed_state is None:
            return
        folder, states = self.resumed_state  # now, after the callbacks' own on_train_begin has reset them
        with np.load(folder / "arrays.npz") as arrays:
            for variable, state in zip(keras_door.seed_states(self.model), arrays["seeds"], strict=True):
                variable.assign(state)
            for k, (callback, state) in enumerate(zip(self.others, states, strict=True)):
                for name, value in state.items():
                    setattr(callback, name, value)
                for name in json.loads(str(arrays[f"{k}"])):
                    count = sum(key.startswith(f"{k}/{name}/") for key in arrays)
                    setattr(callback, name, [arrays[f"{k}/{name}/{i}"] for i in range(count)])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.rows.append({"epoch": epoch + 1, **{k: float(v) for k, v in (logs or {}).items()}})
        if time.monotonic() - self.last >= self.seconds or self.model.stop_training:
            self.save(epoch + 1)

    def save(self, epoch: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=self.folder))
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, temporary, ignore_errors=True)
            self.model.save(temporary / "model.keras")
            plain, arrays = zip(*map(_state, self.others), strict=True) if self.others else ((), ())
            named = {f"{k}": json.dumps(list(a)) for k, a in enumerate(arrays)}
            for k, by_name in enumerate(arrays):
                named |= {f"{k}/{n}/{i}": v for n, values in by_name.items() for i, v in enumerate(values)}
            seeds = np.array([v.numpy() for v in keras_door.seed_states(self.model)])
            arrays_of: dict[str, Any] = {"seeds": seeds, **named}
            np.savez(temporary / "arrays.npz", **arrays_of)
            state = {"epoch": epoch, "history": self.rows, "callbacks": plain, "stopped": self.model.stop_training}
            (temporary / "state.json").write_text(json.dumps(state))
            older = list(self.folder.glob("epoch-*"))
            target = self.folder / f"epoch-{epoch:06d}"
            if target in older:
                return
            os.rename(temporary, target)
            for folder in older:
                shutil.rmtree(folder)
        self.last = time.monotonic()


def _state(callback):
    """A callback's plain attributes, and its lists of arrays (`EarlyStopping.best_weights`).

    What its constructor takes is setting and not state: Keras turns the sign of `min_delta` when a training starts, and
    would turn a restored one again.
    """
    settings = {*inspect.signature(type(callback).__init__).parameters, "params"}
    plain, arrays = {}, {}
    for name, value in vars(callback).items():
        if name.startswith("_") or name in settings:
            continue
        if isinstance(value, _PLAIN):
            plain[name] = value.item() if isinstance(value, np.generic) else value
        elif isinstance(value, list) and value and all(isinstance(v, np.ndarray) for v in value):
            arrays[name] = value
    return plain, arrays
