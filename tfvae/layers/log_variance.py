"""A Gaussian by its mean and log variance."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.arguments import as_shape, event_size
from tfvae.host.saving import register
from tfvae.layers.distribution_layer import as_params, reshape_events
from tfvae.layers.independent import IndependentNormal

tfd = tfp.distributions


@register
class LogVarianceNormal(IndependentNormal):
    """N(loc, exp(log variance)), independent over the event's elements: what most published encoders give.

    It starts at a standard deviation near 1; `IndependentNormal`, whose scale is a softplus as in TFP, starts near 0.69.

    Args:
        event_shape: shape of one event.
        convert_to_tensor_fn: see `DistributionLayer`.
        validate_args: bool, whether TFP checks the parameters at run time.

    Input shape: `(…, 2 prod(event_shape))`: the means, then the log variances. Value: `(…, *event_shape)`.
    """

    _arguments = ("event_shape", "validate_args")

    def __init__(
        self,
        event_shape: Any = (),
        convert_to_tensor_fn: Any = tfd.Distribution.sample,
        validate_args: bool = False,
        **kwargs: Any,
    ):
        super().__init__(event_shape, convert_to_tensor_fn, validate_args, **kwargs)

    def distribution(self, params: Any) -> Any:
        return self.new(params, self.event_shape, self.validate_args)

    @classmethod
    def new(cls, params: Any, event_shape: Any = (), validate_args: bool = False, name: Any = None) -> Any:
        """The distribution with these parameters."""
        event_shape = as_shape(event_shape)
        params = as_params(params, 2 * event_size(event_shape), cls.__name__)
        loc, log_variance = (reshape_events(half, event_shape) for half in tf.split(params, 2, axis=-1))
        normal = tfd.Normal(loc, tf.exp(0.5 * log_variance), validate_args=validate_args)
        return tfd.Independent(normal, len(event_shape), validate_args=validate_args)
