"""q(z|x) of counts, drawn with a gradient in training."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions.event_times import INDICATORS, relaxed_poisson
from tfvae.distributions.log_rate_poisson import LogRatePoisson
from tfvae.host.saving import register
from tfvae.layers.independent import _OneParameter
from tfvae.layers.relaxed import Relaxed

tfd = tfp.distributions
_LARGEST = 10.0  # of the parameters, approached softly: a factor of 22,000


@register
class PoissonPosterior(Relaxed, _OneParameter):
    """Pois(exp(u)), independent over the event's elements, for the parameters u: under a `PoissonPrior` Pois(r exp(u)).

    In training z are the event counts of `relaxed_poisson`, which carry a gradient; elsewhere they are integers.

    Args:
        event_shape: shape of one z.
        convert_to_tensor_fn: see `DistributionLayer`.
        validate_args: bool, whether TFP checks the parameters at run time.
        temperature: float > 0 or a `keras.optimizers.schedules.LearningRateSchedule` of the optimizer's step, such as
            `PolynomialDecay(1.0, num_steps // 2, 0.05)`: how wide the edge is that lets the gradient through.
        indicator: "cubic", which keeps the mean, as "linear", "quintic" and "cosine" do; or "sigmoid", as first published.
        straight_through: bool, whether z are integers in training too, with the gradient of relaxed counts.

    Input shape: `(…, prod(event_shape))`. Parameters are held softly below 10.

    Source: Vafaii, Galor and Yates, "Poisson variational autoencoder" (2024).
    """

    support = "counts"
    _arguments = ("event_shape", "validate_args", "temperature", "indicator", "straight_through")

    def __init__(
        self,
        event_shape: Any = (),
        convert_to_tensor_fn: Any = tfd.Distribution.sample,
        validate_args: bool = False,
        *,
        temperature: Any = 0.05,
        indicator: str = "cubic",
        straight_through: bool = False,
        **kwargs: Any,
    ):
        super().__init__(event_shape, convert_to_tensor_fn, validate_args, **kwargs)
        self.temperature = self.as_temperature(temperature)
        if not callable(self.temperature) and self.temperature > 1:
            raise ValueError(
                f"`temperature` must be at most 1, beyond which the mean is not kept, but got {temperature!r}."
            )
        if indicator not in INDICATORS:
            raise ValueError(f"`indicator` must be one of {', '.join(INDICATORS)}, but got {indicator!r}.")
        self.indicator, self.straight_through = indicator, bool(straight_through)

    @staticmethod
    def new(params: Any, event_shape: Any = (), validate_args: bool = False, name: Any = None) -> Any:
        """The distribution with these parameters (log rates)."""
        log_rate, event_shape = PoissonPosterior._elements(params, event_shape)
        log_rate = soft_ceiling(log_rate, _LARGEST)
        return tfd.Independent(LogRatePoisson(log_rate, validate_args=validate_args), len(event_shape))

    def _relaxed(self, distribution, n, temperature, seed):
        log_rate = distribution.distribution.log_rate
        if n > 1:
            log_rate = tf.repeat(log_rate[None], n, axis=0)
        return relaxed_poisson(log_rate, temperature, seed, self.indicator, self.straight_through)


def soft_ceiling(x: Any, ceiling: float) -> Any:
    """x where it is well below the ceiling, which it never reaches."""
    return ceiling - tf.math.softplus(ceiling - x)
