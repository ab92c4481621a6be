"""A Poisson by its log rate, with a KL in closed form."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class LogRatePoisson(tfd.Poisson):
    """Poisson(exp(log_rate)): TFP's, whose KL TFP does not register.

    KL(Pois(λ) ‖ Pois(r)) = r f(λ / r) nats with f(y) = 1 − y + y log y: what it costs to leave the rate r grows with r.

    Args:
        log_rate: tensor.
    """

    def __init__(
        self,
        log_rate: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: Any = "LogRatePoisson",
    ):
        parameters = dict(locals())
        super().__init__(log_rate=log_rate, validate_args=validate_args, allow_nan_stats=allow_nan_stats, name=name)
        self._parameters = parameters

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"log_rate": tfp.util.ParameterProperties()}


@tfd.RegisterKL(LogRatePoisson, LogRatePoisson)
def _kl(a, b, name=None):
    change = a.log_rate - b.log_rate
    return tf.exp(b.log_rate) * (1 + tf.exp(change) * (change - 1))
