"""Training examples as the components of the prior."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.distributions.mixtures import DiagonalNormalMixture, LocalNormalMixture
from tfvae.host.arguments import as_count, as_shape
from tfvae.host.pieces import rows_at_once
from tfvae.host.saving import register
from tfvae.host.seeds import next_seed
from tfvae.priors.components import check_components, check_points
from tfvae.priors.prior import EncodedPrior


class _LearningMixture(LocalNormalMixture):
    """The same density, with a gradient to the encoder through its components.

    The gradient of log Σ_k w_k N_k to the μ_k is Σ_k r_k ∂ log N_k with the responsibilities r. One k is drawn from r for
    each z and its mean encoded anew: unbiased, up to the age of the other means.
    """

    def __init__(self, log_weights, loc, scale, center, one_of):
        super().__init__(log_weights, loc, scale, center)
        self.one_of = one_of  # log r, (…, B, K) -> the mean of the component drawn, (…, B, D)

    def _log_prob(self, z):
        joint = self.joint_log_probs(z)
        mean = self.one_of(tf.stop_gradient(tf.nn.log_softmax(joint)))
        distance = tf.reduce_sum(tf.square(tf.stop_gradient(z) - mean), axis=-1)
        log_density = -0.5 * distance / tf.stop_gradient(tf.square(self.scale))
        return tf.reduce_logsumexp(joint, axis=-1) + log_density - tf.stop_gradient(log_density)


@register
class ExemplarPrior(EncodedPrior):
    """p(z) = (1/N) Σ_n N(z; μ(x_n), σ² I): the encoder's means of N training examples, with one learned σ.

    In training an example's own component is left out; of several equal examples one. Examples are told by their values, so
    train on the very rows that are held: of rows that are binarized or disturbed anew none is found, and none left out.

    Near a posterior only the components nearest to its mean are summed, which is a lower bound of p(z): −log p(x) and KL
    come out too high by what is missing, which `retrieval_gap` bounds and a likelihood estimate carries as `prior_gap`.
    The means are those of the last `refresh`, once an epoch; their gradient is that of one component for each example,
    drawn by its responsibility and encoded anew, which is unbiased and costs one encoding.

    Args:
        event_shape: shape of one z, `(D,)` or D.
        num_exemplars: int N >= 2; `start_at(x)` gives the examples themselves.
        input_shape: shape of one x.
        num_neighbors: int, how many components count near a posterior in training.
        scored_neighbors: int, how many do elsewhere; None for as many.
        initial_scale: float > 0, σ at the start.
        binary: bool, whether the examples hold 0 and 1 alone and are kept as bytes.
        epsilon: float >= 0, the smallest σ.

    Source: Norouzi, Fleet and Norouzi, "Exemplar VAE: linking generative models, nearest neighbor retrieval, and data
    augmentation" (2020).
    """

    def __init__(
        self,
        event_shape: Any,
        num_exemplars: int = 2,
        input_shape: Any = None,
        num_neighbors: int = 100,
        scored_neighbors: Any = None,
        initial_scale: float = 0.5,
        binary: bool = False,
        epsilon: float = 1e-2,
        **kwargs: Any,
    ):
        super().__init__(event_shape, **kwargs)
        self.num_components = check_components(self, num_exemplars)
        if self.num_components < 2 or num_neighbors < 2 or input_shape is None:
            raise ValueError(
                "ExemplarPrior needs num_exemplars >= 2, num_neighbors >= 2 and the `input_shape` of one x, but got "
                f"{num_exemplars!r}, {num_neighbors!r} and {input_shape!r}."
            )
        if not initial_scale > epsilon >= 0:
            raise ValueError(
                f"`initial_scale` must be above `epsilon` >= 0, but got {initial_scale!r} and {epsilon!r}."
            )
        self.points_shape = as_shape(input_shape, "input_shape")
        self.num_neighbors = min(as_count(num_neighbors, "num_neighbors"), self.num_components)
        scored = num_neighbors if scored_neighbors is None else scored_neighbors
        self.scored_neighbors = min(as_count(scored, "scored_neighbors"), self.num_components)
        self.initial_scale, self.binary, self.epsilon = float(initial_scale), bool(binary), float(epsilon)
        table = (self.num_components, *self.points_shape)
        kept = {"initializer": "zeros", "trainable": False}
        self.exemplars = self.add_weight(name="exemplars", shape=table, dtype="uint8" if binary else None, **kept)
        self.codes = self.add_weight(name="codes", shape=(self.num_components, *self.event_shape), **kept)
        start = math.log(initial_scale - epsilon)
        self.log_scale = self.add_weight(name="log_scale", shape=(), initializer=keras.initializers.Constant(start))
        self.seed_generator = keras.random.SeedGenerator()

    def start_at(self, x: Any, seed: int = 0) -> None:
        """Takes N of the examples x, `(n, *E)`, as components, drawn where there are more; ValueError for fewer, or NaN."""
        x = check_points(self, x, self.num_components, self.points_shape)
        if len(x) > self.num_components:
            x = x[np.random.default_rng(seed).permutation(len(x))[: self.num_components]]
        if self.binary and not np.isin(x, (0, 1)).all():
            raise ValueError("ExemplarPrior(binary=True) takes examples of 0 and 1 alone: leave `binary` out.")
        self.exemplars.assign(x)
        self.started = True
        if self._encoder:
            self.refresh()

    def attach(self, encoder: Any) -> None:
        super().attach(encoder)
        if self.started and encoder.built:
            self.refresh()

    def refresh(self) -> None:
        """Encodes all exemplars anew; ValueError where there are none yet."""
        if not (self.started or self.exemplars.numpy().any()):
            raise ValueError("ExemplarPrior has no examples yet: give them by `prior.start_at(x)` before training.")
        at_once = rows_at_once(self.encoder)
        for start in range(0, self.num_components, at_once):
            mean, _ = self.encode(tf.cast(self.exemplars[start : start + at_once], tf.float32))
            indices = tf.range(start, start + tf.shape(mean)[0])[:, None]
            self.codes.value.scatter_nd_update(indices, mean)

    @property
    def num_terms(self) -> int:
        return max(self.num_neighbors, self.scored_neighbors)

    @property
    def scale(self) -> Any:
        """σ, a scalar tensor."""
        return tf.exp(tf.convert_to_tensor(self.log_scale)) + self.epsilon

    def distribution(self) -> Any:
        """p(z) by the sum over all components."""
        codes = tf.convert_to_tensor(self.codes)
        return DiagonalNormalMixture(tf.zeros(self.num_components), codes, self.scale * tf.ones_like(codes))

    def near(self, q: Any, x: Any = None) -> Any:
        center = tf.stop_gradient(q.mean())
        codes = tf.convert_to_tensor(self.codes)
        nearest = self._nearest(center, codes, self.scored_neighbors if x is None else self.num_neighbors)
        loc = tf.gather(codes, nearest)
        if x is None:
            log_weights = tf.fill(tf.shape(nearest), -math.log(self.num_components))
            return LocalNormalMixture(log_weights, loc, self.scale, center)
        log_weights = self._without_itself(nearest, x)
        return _LearningMixture(log_weights, loc, self.scale, center, lambda log_r: self._encode_one(nearest, log_r))

    def _nearest(self, center, codes, k):
        """Indices of the components nearest to each center, `(B, k)`."""
        similarity = tf.matmul(center, codes, transpose_b=True) - 0.5 * tf.reduce_sum(tf.square(codes), axis=-1)
        return tf.math.top_k(similarity, k, sorted=False).indices

    def _without_itself(self, nearest, x):
        """Log weights of the neighbors, `(B, k)`: of those equal to x, one is x itself and does not count."""
        rows = tf.gather(tf.convert_to_tensor(self.exemplars), nearest)
        equal = tf.reduce_all(rows == tf.cast(x, rows.dtype)[:, None], axis=list(range(2, rows.shape.rank)))
        copies = tf.reduce_sum(tf.cast(equal, tf.float32), axis=-1, keepdims=True)
        # Exactly 0 for one copy: a graph may divide by an approximate reciprocal, and 1 − 1/1 was 6e-8 there, not 0.
        weight = tf.where(equal, (copies - 1) / tf.maximum(copies, 1), 1.0)
        return tf.math.log(weight) - tf.math.log(self.num_components - tf.cast(copies > 0, tf.float32))

    def _encode_one(self, nearest, log_r):
        """The mean of one neighbor for each z, encoded now, `(…, B, D)`: drawn with the probabilities exp(log_r)."""
        flat = tf.reshape(log_r, [-1, self.num_neighbors])
        drawn = tf.random.stateless_categorical(flat, 1, next_seed(self.seed_generator), dtype=tf.int32)
        repeated = tf.broadcast_to(nearest, tf.shape(log_r))
        rows = tf.gather(tf.reshape(repeated, [-1, self.num_neighbors]), drawn[:, 0], batch_dims=1)
        mean, _ = self.encode(tf.cast(tf.gather(tf.convert_to_tensor(self.exemplars), rows), tf.float32))
        return tf.reshape(mean, tf.concat([tf.shape(log_r)[:-1], tf.shape(mean)[-1:]], axis=0))

    def retrieval_gap(self, q: Any, z: Any) -> Any:
        """`gap` at draws z ~ q, `(…, B, D)`, of the components that are scored near q: `(…, B)`, in nats."""
        gap = self.gap(q, z, self.near(q))
        return tf.zeros(tf.shape(z)[:-1]) if gap is None else gap

    def gap(self, q: Any, z: Any, near: Any) -> Any:
        """An upper bound of log p(z) − near.log_prob(z), `(…, B)`, in nats, at draws z ~ q, `(…, B, D)`.

        What is left out is further from the mean of q than the furthest neighbor, and so at least as far from z as that
        distance less that of z.
        """
        center = q.mean()
        furthest = tf.reduce_max(tf.norm(near.loc - center[:, None], axis=-1), axis=-1)
        distance = tf.maximum(furthest - tf.norm(z - center, axis=-1), 0.0)
        dimension = tf.cast(tf.shape(center)[-1], tf.float32)
        log_density = -0.5 * (tf.square(distance / self.scale) + dimension * tf.math.log(2 * math.pi * self.scale**2))
        if self.scored_neighbors == self.num_components:
            return None
        left_out = tf.constant(1 - self.scored_neighbors / self.num_components, tf.float32)
        return tf.nn.softplus(log_density + tf.math.log(left_out) - near.log_prob(z))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_exemplars": self.num_components,
            "input_shape": list(self.points_shape),
            "num_neighbors": self.num_neighbors,
            "scored_neighbors": self.scored_neighbors,
            "initial_scale": self.initial_scale,
            "binary": self.binary,
            "epsilon": self.epsilon,
        }
