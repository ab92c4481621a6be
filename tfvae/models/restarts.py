"""Restarts: several initializations of one model trained side by side, of which the best is kept."""

import math
from typing import Any

import keras
import tensorflow as tf

from tfvae.host.saving import register
from tfvae.models.losses import num_replicas, sum_of, weighted_mean
from tfvae.models.vae import VAE
from tfvae.training.schedules import LinearWarmUp


@register
class Restarts(VAE):
    """The best of R VAEs that differ in their initial weights and draws, trained in one compiled step.

    Where a likelihood has local optima, one training finds a good one by luck. The R candidates see the same batches;
    their losses are added, so that each gets its own gradients; and the model *is* the candidate with the lowest running
    mean of its negative ELBO: its weights are copied into `encoder`, `decoder` and `prior` at each epoch's end, and logs and
    metrics are its own. `best()` returns it alone, without the others.

    Args:
        encoder, decoder, prior, objective: as for `VAE`; every candidate has their architecture.
        num_restarts: int R.
        memory: float in (0, 1), the decay per step of the running mean.
    """

    def __init__(
        self,
        encoder: Any,
        decoder: Any,
        prior: Any = None,
        objective: Any = None,
        num_restarts: int = 4,
        memory: Any = 0.999,
        **kwargs: Any,
    ):
        super().__init__(encoder, decoder, prior, objective, **kwargs)
        if num_restarts < 1 or not 0 < memory < 1:
            raise ValueError(
                f"`num_restarts` must be at least 1 and `memory` within (0, 1), but got {num_restarts} and {memory}."
            )
        if not {"reconstruction", "kl"} <= set(self.objective.metric_names):
            raise ValueError(
                f"Restarts chooses by the negative ELBO, whose parts {type(self.objective).__name__} does not show."
            )
        self.num_restarts, self.memory = int(num_restarts), float(memory)
        kept = VAE(self.encoder, self.decoder, self.prior, self.objective).get_config()
        self.candidates = [VAE.from_config(kept) for _ in range(self.num_restarts)]
        if self.prior.started:
            for candidate in self.candidates:
                candidate.prior.set_weights(self.prior.get_weights())
        self.scores = self.add_weight(name="scores", shape=(self.num_restarts,), initializer="zeros", trainable=False)

    @property
    def trainable_variables(self) -> list:
        return [v for candidate in self.candidates for v in candidate.trainable_variables]

    @property
    def trainable_weights(self) -> list:
        return self.trainable_variables

    def build(self, input_shape: Any) -> None:
        for candidate in self.candidates:
            candidate.build(input_shape)
        super().build(input_shape)

    def compile(self, optimizer: Any = "rmsprop", *args: Any, **kwargs: Any) -> None:
        """As `VAE.compile`; raises ValueError for an optimizer that would mix the candidates' gradients."""
        super().compile(optimizer, *args, **kwargs)
        if self.optimizer is not None and self.optimizer.global_clipnorm is not None:
            raise ValueError("Restarts cannot be trained with `global_clipnorm`, which would mix them: use `clipnorm`.")

    def call(self, x: Any, training: Any = None) -> Any:
        if not training:
            return super().call(x, training)
        return [candidate(x, training=True) for candidate in self.candidates]

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: Any = True
    ) -> Any:
        if not training:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        target, step = x if y is None else y, self._step()
        passes = [keras.tree.flatten(p)[0].of for p in y_pred]
        draws = [c.draw(one, target, x, step, True) for c, one in zip(self.candidates, passes, strict=True)]
        terms = [c.objective.terms(draw) for c, draw in zip(self.candidates, draws, strict=True)]
        loss = tf.stack([t.loss for t in terms])  # (R, B)
        metrics = {name: tf.stack([t.metrics[name] for t in terms]) for name in self.term_metrics}
        losses = tf.stack([
            weighted_mean(row, sample_weight) + t.batch_loss + sum_of(c.losses)
            for row, t, c in zip(tf.unstack(loss), terms, self.candidates, strict=True)
        ])  # fmt: skip
        finite = tf.math.is_finite(losses)
        negative_elbos = tf.stop_gradient(
            [weighted_mean(row, sample_weight) for row in tf.unstack(metrics["reconstruction"] + metrics["kl"])]
        )
        done = tf.cast(self.optimizer.iterations, tf.float32)
        decay = tf.minimum(self.memory, done / (done + 1))
        scores = decay * self.scores + (1 - decay) * negative_elbos
        # A candidate that has diverged is out, for good, and does not touch the others.
        self.scores.assign(tf.where(finite & tf.math.is_finite(scores), scores, math.inf))
        best = tf.argmin(self.scores)
        scale = tf.gather([c.smallest_scale() for c in self.candidates], best) if self.scales else None
        self._track({name: tf.gather(values, best) for name, values in metrics.items()}, sample_weight, scale)
        total = tf.reduce_sum(tf.where(finite, losses, tf.zeros_like(losses)))
        # The best one's value, everyone's gradient.
        return (tf.stop_gradient(tf.gather(losses, best)) + (total - tf.stop_gradient(total))) / num_replicas()

    def _added_losses(self):
        return [*self.encoder.losses, *self.decoder.losses, *self.prior.losses]

    def _own_callbacks(self):
        return [*super()._own_callbacks(), _AdoptBest()]

    def set_beta(self, beta: Any) -> None:
        for candidate in self.candidates:
            candidate.set_beta(beta)
        super().set_beta(beta)

    def refresh_prior(self) -> None:
        for candidate in self.candidates:
            candidate.refresh_prior()

    def adopt_best(self) -> None:
        """Copies the weights of the candidate with the lowest score into `encoder`, `decoder` and `prior`."""
        best = tf.argmin(self.scores)
        for kept, *each in zip(_weights(self), *map(_weights, self.candidates), strict=True):
            kept.assign(tf.gather([tf.convert_to_tensor(v) for v in each], best))

    def best(self) -> VAE:
        """The best candidate alone, as a compiled `VAE` that shares this model's encoder, decoder and prior."""
        beta = self.objective.beta
        beta = beta.target if isinstance(beta, LinearWarmUp) else beta  # a new optimizer counts from 0
        objective = type(self.objective).from_config({**self.objective.get_config(), "beta": beta})
        vae = VAE(self.encoder, self.decoder, self.prior, objective)
        vae.compile(optimizer=type(self.optimizer).from_config(self.optimizer.get_config()))
        return vae

    def get_config(self) -> dict:
        return {**super().get_config(), "num_restarts": self.num_restarts, "memory": self.memory}


class _AdoptBest(keras.callbacks.Callback):
    """Keeps the model at its best candidate wherever someone may look: at a validation and at an epoch's end."""

    def on_train_begin(self, logs=None):
        self.adopt = tf.function(self.model.adopt_best, autograph=False)

    def on_test_begin(self, logs=None):
        self.adopt()

    def on_epoch_end(self, epoch, logs=None):
        self.adopt()


def _weights(vae):
    return [*vae.encoder.weights, *vae.decoder.weights, *vae.prior.weights]
