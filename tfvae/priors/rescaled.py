"""A prior in other units."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.saving import register
from tfvae.priors.components import check_points
from tfvae.priors.prior import EncodedPrior, Prior

tfd, tfb = tfp.distributions, tfp.bijectors


@register
class RescaledPrior(Prior):
    """p(z) of z = loc + scale · u with u from another prior, so that codes of any size suit a prior that starts at N(0, I).

    Args:
        prior: the `Prior` of u.

    Attributes:
        loc, scale: `(D,)`, 0 and 1 until `start_at` takes them from codes; not trained.
    """

    def __init__(self, prior: Prior, **kwargs: Any):
        if isinstance(prior, EncodedPrior) or type(prior).posterior is not Prior.posterior:
            raise ValueError(f"A {type(prior).__name__} depends on the model's encoder: it cannot be rescaled.")
        super().__init__(prior.event_shape, **kwargs)
        self.prior = prior
        self.loc = self.add_weight(name="loc", shape=self.event_shape, initializer="zeros", trainable=False)
        self.scale = self.add_weight(name="scale", shape=self.event_shape, initializer="ones", trainable=False)

    @property
    def num_terms(self) -> int:
        return self.prior.num_terms

    def start_at(self, z: Any, seed: int = 0) -> None:
        """Takes the mean and standard deviation of points z, `(n, D)`, in each dimension; a constant one keeps its scale."""
        del seed
        z = check_points(self, z, 2, self.event_shape)
        self.started = True
        self.loc.assign(z.mean(axis=0))
        spread = z.std(axis=0)
        self.scale.assign(np.where(spread > 0, spread, 1.0))

    def distribution(self) -> Any:
        units = tfb.Chain([tfb.Shift(tf.convert_to_tensor(self.loc)), tfb.Scale(tf.convert_to_tensor(self.scale))])
        return tfd.TransformedDistribution(self.prior.distribution(), units)

    def get_config(self) -> dict:
        config = super().get_config()
        del config["event_shape"]
        return {**config, "prior": keras.saving.serialize_keras_object(self.prior)}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return cls(**{**config, "prior": keras.saving.deserialize_keras_object(config["prior"])})
