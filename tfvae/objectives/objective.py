"""The noun: what turns one pass through a model into a loss."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.schedules import as_schedule

tfd = tfp.distributions


class Draw(NamedTuple):
    """What one pass through a model computed.

    With several modalities `x`, `inputs` and `p` are dicts; what is missing in `x` is NaN.
    """

    x: Any  # the target, (B, *E)
    inputs: Any  # what the encoder saw: x itself, unless the model was given pairs
    q: tfd.Distribution  # q(z|x), batch shape (B,)
    z: tf.Tensor  # the draws that the decoder saw, (B, D), or (S, B, D)
    log_shares: tf.Tensor | None  # (S, B), log of each draw's share in an expectation under q; None: equal
    p: Any  # p(x|z), batch shape (B,) or (S, B)
    prior: tfd.Distribution  # p(z), as it is for this batch
    decode: Callable  # z -> p(x|z), for objectives that decode elsewhere
    step: Any  # the optimizer's, for schedules
    training: bool
    present: Any = None  # (B, M), which modalities are there
    subset: Callable | None = None  # (B, M) booleans S -> q(z|x_S), z and log_shares, of what of S is there


class Terms(NamedTuple):
    """What an objective makes of a `Draw`, in nats."""

    loss: tf.Tensor  # (B,), of each example: weighted by sample_weight, then averaged
    metrics: dict[str, tf.Tensor]  # what the logs show: (B,), averaged like the loss, or ()
    batch_loss: Any = 0.0  # (), a term of the minibatch as a whole, added once whatever the weights


class Objective(keras.layers.Layer):
    """Abstract: `Draw` -> `Terms`. A layer that is never called, so that what it holds is trained and saved.

    A subclass defines `terms`, and names in `metric_names` what its terms show in the logs. One whose state has the size of
    a code sets `built` to False and makes it in `build(latent_shape)`, which the model calls.

    Args:
        beta: float >= 0 or a `keras.optimizers.schedules.LearningRateSchedule` of the optimizer's step, such as
            `tfvae.training.LinearWarmUp`: the KL's weight in training. Evaluation of a bound always uses 1.

    Attributes:
        is_bound: bool, whether −loss bounds log p(x) from below outside training.
        needs_density: bool, whether it reads log q(z|x).
        num_draws: int S, how many z ~ q the pass holds for each example; with 1, z has no axis for them.
    """

    is_bound: ClassVar[bool] = True
    needs_density: ClassVar[bool] = True
    metric_names: ClassVar[tuple[str, ...]] = ("reconstruction", "kl")
    num_draws = 1

    def __init__(self, beta: Any = 1.0, **kwargs: Any):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.beta = as_schedule(beta, "beta")
        self.built = True

    def terms(self, draw: Draw) -> Terms:
        """The `Terms` of a pass; outside training the loss is the negative bound on log p(x), with the KL's weight at 1."""
        raise NotImplementedError(f"{type(self).__name__} must define `terms(draw)`.")

    def get_config(self) -> dict:
        beta = keras.saving.serialize_keras_object(self.beta) if callable(self.beta) else self.beta
        return {**super().get_config(), "beta": beta}


def expectation(values: tf.Tensor, log_shares: tf.Tensor | None = None) -> tf.Tensor:
    """(B,) from (B,) or (S, B): the mean over the draws, or their sum weighted by exp(log_shares)."""
    if values.shape.rank == 1:
        return values
    return tf.reduce_mean(values, axis=0) if log_shares is None else tf.reduce_sum(tf.exp(log_shares) * values, axis=0)


def elbo_parts(reconstruction: tf.Tensor, kl: tf.Tensor) -> dict[str, tf.Tensor]:
    """The metrics of an objective that has the ELBO's two parts."""
    return {"reconstruction": reconstruction, "kl": kl}
