"""A fit inside a run directory: a kill interrupts it, and resuming continues it to the same end as an unbroken one."""

import shutil
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pandas as pd

from tfvae.host.errors import DivergedError
from tfvae.runs.directory import MODEL
from tfvae.runs.load import load_model
from tfvae.training.checkpoints import Checkpoint
from tfvae.training.progress import ProgressLine


def fit_in_run(
    run: Any,
    make_model: Callable,
    x: Any,
    *,
    name: Any = "model",
    seed: int = 0,
    callbacks: Any = (),
    checkpoint_seconds: float = 10.0,
    **fit_arguments: Any,
) -> tuple[Any, pd.DataFrame]:
    """Fits a model inside a run directory: finished, it is loaded; interrupted, it goes on; else it starts.

    Args:
        run: `RunDirectory`.
        make_model: callable without arguments that returns the untrained, compiled model; called with all seeds set.
        x: the training data; or a function of the first epoch to come, for data sets that differ from epoch to epoch.
        name: of the fit, when the run has several: its files are `models/NAME.keras` and `histories/NAME.csv`.
        seed: of the initial weights, the draws and the order of the epochs.
        callbacks: Keras callbacks; their state is kept too.
        checkpoint_seconds: the least time between two checkpoints.
        **fit_arguments: of `model.fit`; `verbose` may be "line" for one line with the time left.

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
    model, epoch = checkpoint.restore(load_model) if checkpoint.latest() else (make_model(), 0)
    model.shuffle_seed = seed
    if checkpoint.stopped:  # a fit of no epochs: it only ends, as the interrupted one would have
        fit_arguments["epochs"] = epoch
    x = x(epoch) if callable(x) else x
    lines = []
    if fit_arguments.get("verbose") == "line":
        fit_arguments["verbose"], lines = 0, [ProgressLine()]
    model.fit(x, callbacks=[*callbacks, checkpoint, *lines], initial_epoch=epoch, **fit_arguments)
    history = pd.DataFrame(checkpoint.rows)
    if len(history) and not np.isfinite(history["loss"].iloc[-1]):
        shutil.rmtree(checkpoint.folder, ignore_errors=True)
        raise DivergedError("The training diverged (its loss is no longer a number): give a smaller learning rate.")
    run.write_table(history_file, history)
    run.save_model(model, model_file)
    shutil.rmtree(checkpoint.folder, ignore_errors=True)
    return model, history
