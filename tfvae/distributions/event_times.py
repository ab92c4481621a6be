"""Counts of a Poisson process as differentiable draws: its events in [0, 1], with a soft edge at 1."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from tfvae.distributions.log_rate_poisson import draw_counts
from tfvae.host.seeds import uniform

_FAR = 17.0  # temperatures behind 1, where a sigmoid is nothing in float32


class Indicator(NamedTuple):
    """A soft step g(t) from 0 at t = −1 to 1 at t = 1, or from −∞ to ∞, and its derivative."""

    value: Callable
    slope: Callable
    compact: bool = True


def _polynomial(value, slope):
    """The step of u = (t + 1) / 2 within [0, 1]; both given as functions of u."""

    def inside(t):
        return tf.clip_by_value(0.5 * (t + 1), 0.0, 1.0)

    return Indicator(lambda t: value(inside(t)), lambda t: tf.where(tf.abs(t) < 1, 0.5 * slope(inside(t)), 0.0))


INDICATORS = {
    "sigmoid": Indicator(tf.sigmoid, lambda t: tf.sigmoid(t) * tf.sigmoid(-t), compact=False),
    "linear": _polynomial(lambda u: u, tf.ones_like),
    "cubic": _polynomial(lambda u: u * u * (3 - 2 * u), lambda u: 6 * u * (1 - u)),
    "quintic": _polynomial(lambda u: u**3 * (10 + u * (6 * u - 15)), lambda u: 30 * u**2 * (1 - u) ** 2),
    "cosine": _polynomial(lambda u: 0.5 - 0.5 * tf.cos(math.pi * u), lambda u: 0.5 * math.pi * tf.sin(math.pi * u)),
}


@tf.autograph.experimental.do_not_convert  # its loops are TensorFlow's already
def relaxed_poisson(
    log_rate: Any, temperature: Any, seed: Any, indicator: str = "cubic", straight_through: bool = False
) -> tf.Tensor:
    """Draws z = Σ_j g((1 − S_j) / T) over the event times S_j of a Poisson process of this rate.

    At T = 0 they would be counts of Pois(λ). The compact indicators keep E z = λ for 0 < T <= 1, with a variance of
    λ (1 − c T), c = 9/35 for the cubic one; the sigmoid's mean is λ T softplus(1 / T), 1.31 λ at T = 1. The gradient moves
    all event times with the rate.

    Only events near the edge are drawn one by one: those before 1 − T count as 1 and have no gradient, so that their number
    alone is drawn. Sum and gradient are added up as the events come: memory does not grow with their number.

    Args:
        log_rate: float tensor; at most 6.
        temperature: float tensor () > 0, at most 1 for a compact indicator.
        seed: as TFP takes it, `(2,)`.
        indicator: "cubic", "linear", "quintic", "cosine", or "sigmoid".
        straight_through: bool, whether draws are exact counts, with the gradient of relaxed ones.

    Returns:
        A tensor of the shape of `log_rate`.

    Raises:
        ValueError: for another indicator.

    Source: Vafaii, Galor and Yates, "Poisson variational autoencoder" (2024); the same group (2026) for steps that keep the
    mean.
    """
    if indicator not in INDICATORS:
        raise ValueError(f"`indicator` must be one of {', '.join(INDICATORS)}, but got {indicator!r}.")
    step = INDICATORS[indicator]
    log_rate = tf.convert_to_tensor(log_rate)
    temperature = tf.cast(temperature, log_rate.dtype)
    edge = 1 + temperature if step.compact else 1 + _FAR * temperature
    start = tf.maximum(1 - temperature, 0.0) if step.compact else tf.zeros_like(temperature)

    @tf.custom_gradient
    def draw(log_rate):
        # No tape looks into the loops, whose lengths XLA does not know; and no rate is 0, at which 0/0 events would come.
        rate = tf.maximum(tf.exp(tf.stop_gradient(log_rate)), 1e-30)

        def more(k, time, count, slope):
            waited = -tf.math.log1p(-uniform(tf.shape(rate), _fold(seed, k), rate.dtype))
            time = tf.minimum(time + waited / rate, edge + 1)
            t = (1 - time) / temperature
            counted = tf.cast(t > 0, rate.dtype) if straight_through else step.value(t)
            return k + 1, time, count + counted, slope + step.slope(t) * time / temperature

        first = draw_counts(rate * start, _fold(seed, 0)) if step.compact else tf.zeros_like(rate)
        _, _, count, slope = tf.while_loop(
            lambda k, time, count, slope: tf.reduce_any(time < edge),
            more,
            (1, start + tf.zeros_like(rate), first, tf.zeros_like(rate)),
        )
        return count, lambda upstream: upstream * slope

    return draw(log_rate)


def _fold(seed, k):
    return tf.random.experimental.stateless_fold_in(seed, k)
