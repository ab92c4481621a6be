"""Keras callbacks for variational autoencoders."""

import math
from typing import Any

import keras
import tensorflow as tf

from tfvae.training.schedules import LinearWarmUp


def steps_done(model):
    """The optimizer's steps so far; also of a variable that a distribution strategy mirrors."""
    return int(tf.convert_to_tensor(model.optimizer.iterations))


class KLWarmUp(keras.callbacks.Callback):
    """Gives a `VAE`'s objective a `LinearWarmUp` to its β, counted in the epochs of this training.

    Where the steps are known, `ELBO(beta=LinearWarmUp(steps))` does the same without a callback. The weight is exact in
    every optimizer step, and `val_` figures always use β = 1. Early stopping given to the same `fit` waits for its end.

    Args:
        epochs: number of epochs, not necessarily whole; or
        steps: number of optimizer steps.
    """

    def __init__(self, epochs: float | None = None, steps: int | None = None):
        super().__init__()
        if (epochs is None) == (steps is None) or (epochs or steps or 0) <= 0:
            raise ValueError(f"KLWarmUp needs either epochs > 0 or steps > 0, but got {epochs=} and {steps=}.")
        self.epochs, self.steps = epochs, steps
        self.schedule: LinearWarmUp | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self.schedule = None
        if self.epochs is not None and self.params.get("steps") is None:
            raise ValueError("KLWarmUp(epochs=…) cannot count the steps of this data set: give it steps=… instead.")
        beta = self.model.objective.beta
        if callable(beta) and not isinstance(beta, LinearWarmUp):
            raise ValueError(f"KLWarmUp is for a β that is a number, but the objective's is a {type(beta).__name__}.")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.schedule is not None:
            return
        per_epoch, done = self.params.get("steps"), steps_done(self.model)
        # A training that goes on at a later epoch began its warm-up where its first epoch began.
        start = (done if epoch == 0 else 0) if per_epoch is None else done - epoch * per_epoch
        steps = self.steps or max(1, round(self.epochs * per_epoch))
        beta = self.model.objective.beta
        self.schedule = LinearWarmUp(steps, beta.target if isinstance(beta, LinearWarmUp) else beta, start)
        if per_epoch is not None:
            self.schedule.warn_if_cut_short(done, per_epoch * (self.params["epochs"] - epoch))
        self.model.set_beta(self.schedule)

    def on_train_end(self, logs: Any = None) -> None:
        if self.schedule and steps_done(self.model) >= self.schedule.end:  # a new optimizer would count from 0 again
            self.model.set_beta(self.schedule.target)


class WatchBeta(keras.callbacks.Callback):
    """Logs a β that is scheduled, and has early stopping wait for the end of its warm-up.

    Args:
        stopping: the `EarlyStopping` callbacks of the same fit, which `released` leaves as they were.
    """

    def __init__(self, stopping):
        super().__init__()
        self.before = [(callback, callback.start_from_epoch) for callback in stopping]
        self.begun = None  # the optimizer's step at which the present epoch began

    def on_train_begin(self, logs=None):
        self.begun = None

    def on_epoch_begin(self, epoch, logs=None):
        is_first, self.begun = self.begun is None, steps_done(self.model)
        beta, per_epoch = self.model.objective.beta, self.params.get("steps")
        if is_first and isinstance(beta, LinearWarmUp) and per_epoch is not None:
            beta.warn_if_cut_short(self.begun, per_epoch * (self.params["epochs"] - epoch))

    def on_epoch_end(self, epoch, logs=None):
        beta, per_epoch = self.model.objective.beta, self.params.get("steps")
        if not callable(beta):
            return
        if logs is not None:
            logs["beta"] = float(beta(steps_done(self.model)))
        if isinstance(beta, LinearWarmUp) and per_epoch is not None and self.begun < beta.end:
            for callback, start in self.before:
                callback.start_from_epoch = max(start, epoch + math.ceil((beta.end - self.begun) / per_epoch))

    def released(self):
        """Leaves the early stopping as it was."""
        for callback, start in self.before:
            callback.start_from_epoch = start


class RefreshPrior(keras.callbacks.Callback):
    """Brings what the prior has computed ahead up to date before a fit, before each validation and after each epoch."""

    def on_train_begin(self, logs=None):
        self.model.refresh_prior()

    def on_test_begin(self, logs=None):
        self.model.refresh_prior()

    def on_epoch_end(self, epoch, logs=None):
        self.model.refresh_prior()
