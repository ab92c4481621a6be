"""Training that a kill interrupts and `--resume` continues, to the same end as an unbroken one."""

import contextlib
import inspect
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from tfvae.errors import UserError
from tfvae.runs import MODEL, load_model

_PLAIN = (bool, int, float, str, np.generic, type(None))


class Checkpoint(keras.callbacks.Callback):
    """Keeps model, optimizer, seeds, epoch, history and the state of the other callbacks in one folder per epoch.

    Keras' `BackupAndRestore` keeps weights, optimizer and epoch only: a resumed early stopping would start counting anew.

    Args:
        folder: where the checkpoints go; the last whole one counts, older ones are deleted.
        others: the callbacks of the same fit whose state is kept.
        seconds: float, the least time between two checkpoints.
    """

    def __init__(self, folder, others=(), seconds=10.0):
        super().__init__()
        self.folder, self.others, self.seconds = Path(folder), list(others), seconds
        self.rows, self.resumed_state, self.stopped = [], None, False

    def latest(self):
        """The folder of the last whole checkpoint, or None."""
        whole = sorted(self.folder.glob("epoch-*"))
        return whole[-1] if whole else None

    def restore(self):
        """(model, next epoch) of the last checkpoint; the callbacks' states follow when the training begins."""
        folder = self.latest()
        state = json.loads((folder / "state.json").read_text())
        self.rows, self.resumed_state = state["history"], (folder, state["callbacks"])
        self.stopped = state["stopped"]
        return load_model(folder / "model.keras"), state["epoch"]

    def on_train_begin(self, logs=None):
        self.last = time.monotonic()
        if self.resumed_state is None:
            return
        folder, states = self.resumed_state  # now, after the callbacks' own on_train_begin has reset them
        with np.load(folder / "arrays.npz") as arrays:
            for variable, state in zip(_seed_states(self.model), arrays["seeds"], strict=True):
                variable.assign(state)
            for k, (callback, state) in enumerate(zip(self.others, states, strict=True)):
                for name, value in state.items():
                    setattr(callback, name, value)
                for name in json.loads(str(arrays[f"{k}"])):
                    count = sum(key.startswith(f"{k}/{name}/") for key in arrays)
                    setattr(callback, name, [arrays[f"{k}/{name}/{i}"] for i in range(count)])

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({"epoch": epoch + 1, **{k: float(v) for k, v in (logs or {}).items()}})
        if time.monotonic() - self.last >= self.seconds or self.model.stop_training:
            self.save(epoch + 1)

    def save(self, epoch):
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=self.folder))
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, temporary, ignore_errors=True)
            self.model.save(temporary / "model.keras")
            plain, arrays = zip(*map(_state, self.others), strict=True) if self.others else ((), ())
            named = {f"{k}": json.dumps(list(a)) for k, a in enumerate(arrays)}
            for k, by_name in enumerate(arrays):
                named |= {f"{k}/{n}/{i}": v for n, values in by_name.items() for i, v in enumerate(values)}
            seeds = np.array([v.numpy() for v in _seed_states(self.model)])
            np.savez(temporary / "arrays.npz", seeds=seeds, **named)
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


def _seed_states(model):
    """The state of every seed generator in the model, Keras' own layers' included: `.keras` files leave it out."""
    return [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]


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


def fit_in_run(run, make_model, x, *, name="model", seed=0, callbacks=(), checkpoint_seconds=10.0, **fit_arguments):
    """Fits a model inside a run directory: finished, it is loaded; interrupted, it goes on; else it starts.

    Args:
        run: `RunDirectory`.
        make_model: callable without arguments that returns the untrained, compiled model; called with all seeds set.
        x: the training data; or a function of the first epoch to come, for data sets that differ from epoch to epoch.
        name: of the fit, when the run has several: its files are `models/NAME.keras` and `histories/NAME.csv`.
        seed: of the initial weights, the draws and the order of the epochs.
        callbacks: Keras callbacks; their state is kept too.
        checkpoint_seconds: the least time between two checkpoints.
        **fit_arguments: of `model.fit`.

    Returns:
        (model, history as a `pandas.DataFrame`).
    """
    single = name == "model"
    model_file = MODEL if single else f"models/{name}.keras"
    history_file = "history.csv" if single else f"histories/{name}.csv"
    if (run.path / model_file).exists() and (run.path / history_file).exists():
        return load_model(run.path / model_file), pd.read_csv(run.path / history_file)
    callbacks = [*callbacks, keras.callbacks.TerminateOnNaN()]
    checkpoint = Checkpoint(run.path / "checkpoints" / name, callbacks, checkpoint_seconds)
    keras.utils.set_random_seed(seed)
    model, epoch = checkpoint.restore() if checkpoint.latest() else (make_model(), 0)
    model.shuffle_seed = seed
    if checkpoint.stopped:  # a fit of no epochs: it only ends, as the interrupted one would have
        fit_arguments["epochs"] = epoch
    x = x(epoch) if callable(x) else x
    model.fit(x, callbacks=[*callbacks, checkpoint], initial_epoch=epoch, **fit_arguments)
    history = pd.DataFrame(checkpoint.rows)
    if len(history) and not np.isfinite(history["loss"].iloc[-1]):
        shutil.rmtree(checkpoint.folder, ignore_errors=True)
        raise UserError("The training diverged (its loss is no longer a number): give a smaller learning rate.")
    run.write_table(history_file, history)
    run.save_model(model, model_file)
    shutil.rmtree(checkpoint.folder, ignore_errors=True)
    return model, history
