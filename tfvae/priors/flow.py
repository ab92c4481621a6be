"""A normalizing flow as prior."""

import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.arguments import as_count
from tfvae.host.saving import register
from tfvae.priors.components import seed_or_random
from tfvae.priors.prior import Prior

tfd, tfb = tfp.distributions, tfp.bijectors


@register
class FlowPrior(Prior):
    """p(z) = |∂f⁻¹/∂z| N(f⁻¹(z); 0, I): RealNVP, pairs of affine couplings on one half of the coordinates and the other.

    The coordinates are shuffled between pairs, so that each is moved by every pair. It starts as N(0, I).

    Args:
        event_shape: shape of one z, `(D,)` or D, with D >= 2.
        num_couplings: int >= 2.
        hidden: widths of each coupling's hidden layers.
        seed: int or None, of the initial weights and the orders of the coordinates.
        orders: permutations of the coordinates, one after each coupling, `(num_couplings, D)`; None for those of the seed.

    Source: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP" (2017).
    """

    def __init__(
        self,
        event_shape: Any,
        num_couplings: int = 6,
        hidden: Sequence[int] = (64, 64),
        seed: int | None = None,
        orders: Any = None,
        **kwargs: Any,
    ):
        super().__init__(event_shape, **kwargs)
        self.num_couplings = as_count(num_couplings, "num_couplings", least=2)
        if len(self.event_shape) != 1 or self.event_shape[0] < 2:
            raise ValueError(f"FlowPrior needs an event_shape (D,) with D >= 2, but got {event_shape!r}.")
        (dimension,) = self.event_shape
        self.hidden, self.seed = tuple(hidden), seed
        rng = np.random.default_rng(seed_or_random(seed))
        self.masked = dimension // 2
        # Saved with the model, because they are part of the density.
        self.orders = [list(order) for order in orders] if orders else self._orders(rng, dimension)
        self.couplings = [self._coupling(rng, dimension) for _ in range(self.num_couplings)]

    def _orders(self, rng, dimension):
        """Within a pair the half that was moved becomes the half that is masked; between pairs all are shuffled."""
        exchange = np.roll(np.arange(dimension), self.masked)
        orders = [exchange if i % 2 == 0 else rng.permutation(dimension) for i in range(self.num_couplings)]
        return [order.tolist() for order in orders]

    def _coupling(self, rng, dimension):
        def glorot():
            return keras.initializers.GlorotUniform(int(rng.integers(2**31)))

        dense = functools.partial(keras.layers.Dense, dtype="float32")
        layers = [dense(width, "relu", kernel_initializer=glorot()) for width in self.hidden]
        layers.append(dense(2 * (dimension - self.masked), kernel_initializer="zeros"))
        return keras.Sequential([keras.layers.Input((self.masked,), dtype="float32"), *layers])

    def distribution(self) -> Any:
        (dimension,) = self.event_shape
        steps = []
        for order, coupling in zip(self.orders, self.couplings, strict=True):
            steps.append(tfb.RealNVP(self.masked, shift_and_log_scale_fn=functools.partial(_affine, coupling)))
            steps.append(tfb.Permute(order))
        base = tfd.Independent(tfd.Normal(tf.zeros([dimension], self.compute_dtype), 1.0), 1)
        return tfd.TransformedDistribution(base, tfb.Chain(steps))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_couplings": self.num_couplings,
            "hidden": list(self.hidden),
            "seed": self.seed,
            "orders": self.orders,
        }


def _affine(coupling, x, output_units, **_):
    """(shift, log scale) of a coupling; scales within [1/e, e], so that no step of training throws z far away."""
    batch = tf.shape(x)[:-1]
    params = coupling(tf.reshape(x, [-1, x.shape[-1]]))
    shift, raw = tf.split(tf.reshape(params, tf.concat([batch, tf.shape(params)[-1:]], axis=0)), 2, axis=-1)
    return shift, tf.tanh(raw)
