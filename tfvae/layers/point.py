"""A point as posterior: an encoder without noise."""

from typing import Any

import tensorflow_probability as tfp

from tfvae.host.saving import register
from tfvae.layers.independent import _OneParameter

tfd = tfp.distributions


@register
class IndependentDeterministic(_OneParameter):
    """All mass on the parameters themselves: the posterior of an autoencoder whose encoder is a function.

    As a posterior it has no density, so that there is no KL and no importance sampling: for objectives such as `RAE` and
    `WAE`, after which `fit_latent_density` gives the model a prior.
    """

    has_density = False

    @staticmethod
    def new(params: Any, event_shape: Any = (), validate_args: bool = False, name: Any = None) -> Any:
        """The distribution at these points."""
        loc, event_shape = IndependentDeterministic._elements(params, event_shape)
        point = tfd.Deterministic(loc, validate_args=validate_args)
        return tfd.Independent(point, len(event_shape), validate_args=validate_args)
