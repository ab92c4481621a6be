"""Keras callbacks for variational autoencoders."""

import math
import warnings

import keras
import tensorflow as tf


class KLWarmUp(keras.callbacks.Callback):
    """Raises the KL weight linearly from 0 to the objective's β over the first epochs or steps of a `VAE`'s training.

    The weight is exact in every optimizer step. Each epoch's log shows the `beta` it ended with; `val_` figures always use
    β = 1. Early stopping given to the same `fit` waits for the end of the warm-up.

    Args:
        epochs: number of epochs, not necessarily whole; or
        steps: number of optimizer steps.

    Source: Bowman et al., "Generating sentences from a continuous space" (2016); Sønderby et al., "Ladder variational
    autoencoders" (2016).
    """

    def __init__(self, epochs=None, steps=None):
        super().__init__()
        if (epochs is None) == (steps is None) or (epochs or steps) <= 0:
            raise ValueError(f"KLWarmUp needs either epochs > 0 or steps > 0, but got {epochs=} and {steps=}.")
        self.epochs, self.steps = epochs, steps
        self.goes_on = False  # a warm-up that an earlier fit has begun
        self.waiting = []  # the EarlyStopping callbacks of the same fit, which VAE.fit lists here

    def on_train_begin(self, logs=None):
        per_epoch = self.params.get("steps")
        if self.epochs is not None and per_epoch is None:
            raise ValueError("KLWarmUp(epochs=…) cannot count the steps of this data set: give it steps=… instead.")
        self.num_steps = self.steps or max(1, round(self.epochs * per_epoch))
        if per_epoch is None:
            return
        total = per_epoch * self.params["epochs"]
        if self.num_steps > total:
            warnings.warn(
                f"The KL warm-up takes {self.num_steps} steps but the training has {total}: it ends before β is reached.",
                stacklevel=2,
            )
        for stopping in self.waiting:
            stopping.start_from_epoch = max(stopping.start_from_epoch, math.ceil(self.num_steps / per_epoch))

    def on_epoch_begin(self, epoch, logs=None):
        objective = self.model.objective
        if epoch == 0 and not self.goes_on:  # a training that goes on keeps the start that was saved with the model
            objective.warm_up_start.assign(tf.cast(self.model.optimizer.iterations, tf.int64))
        objective.warm_up_steps.assign(self.num_steps)

    def on_train_end(self, logs=None):
        objective = self.model.objective
        if objective.warm_up(self.model.optimizer.iterations) == 1:  # over: a new optimizer would count from 0 again
            objective.warm_up_steps.assign(0)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            share = self.model.objective.warm_up(self.model.optimizer.iterations)
            logs["beta"] = float(share) * self.model.objective.beta


class StartPrior(keras.callbacks.Callback):
    """Starts the prior of a `VAE` on the data when the encoder has been trained a little.

    Random components lie where no encoding is, and most stay unused; started at the encodings they follow them.

    Args:
        x: `(N, *E)` data, with at least as many rows as the prior has components.
        epochs: int >= 1, after which `initialize_prior` moves the prior's components there.
        seed: of the start.
    """

    def __init__(self, x, epochs=1, seed=0):
        super().__init__()
        if epochs < 1:
            raise ValueError(f"StartPrior needs epochs >= 1, but got {epochs!r}.")
        self.x, self.epochs, self.seed = x, epochs, seed

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.epochs:
            from tfvae.models.initialization import initialize_prior

            initialize_prior(self.model, self.x, self.seed)
