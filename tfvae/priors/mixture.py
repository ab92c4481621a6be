"""A mixture of Gaussians as prior."""

import keras
import tensorflow as tf

from tfvae.distributions import DiagonalNormalMixture
from tfvae.priors.prior import Prior
from tfvae.saving import register


@register
class MixturePrior(Prior):
    """p(z) = Σ_k w_k N(z; μ_k, diag σ_k²), with learned means and scales.

    Args:
        event_shape: shape of one z, `(D,)` or D.
        num_components: int K >= 1.
        learn_weights: bool; False keeps the weights at 1/K.
        spread: float, the standard deviation of the means at the start.
        initial_scale: float > 0, the components' standard deviations at the start.
        epsilon: float >= 0, the smallest standard deviation.
        seed: int or None, of the initial means.

    Source: document 004 (a mixture of 1000 Gaussians); Dilokthanakul et al., "Deep unsupervised clustering with
    Gaussian mixture variational autoencoders" (2016).
    """

    def __init__(
        self,
        event_shape,
        num_components=16,
        learn_weights=True,
        spread=1.0,
        initial_scale=0.5,
        epsilon=1e-4,
        seed=None,
        **kwargs,
    ):
        super().__init__(event_shape, **kwargs)
        if len(self.event_shape) != 1 or num_components < 1:
            raise ValueError(
                f"MixturePrior needs an event_shape (D,) and num_components >= 1, but got {event_shape!r} and "
                f"{num_components!r}."
            )
        if not initial_scale > epsilon >= 0:
            raise ValueError(
                f"`initial_scale` must be above `epsilon` >= 0, but got {initial_scale!r} and {epsilon!r}."
            )
        self.num_components = int(num_components)
        self.learn_weights = learn_weights
        self.spread = spread
        self.initial_scale = initial_scale
        self.epsilon = epsilon
        self.seed = seed
        table = (self.num_components, *self.event_shape)
        self.loc = self.add_weight(
            name="loc", shape=table, initializer=keras.initializers.RandomNormal(stddev=spread, seed=seed)
        )
        self.log_scale = self.add_weight(
            name="log_scale",
            shape=table,
            initializer=keras.initializers.Constant(float(tf.math.log(initial_scale - epsilon))),
        )
        self.logits = self.add_weight(
            name="logits", shape=(self.num_components,), initializer="zeros", trainable=learn_weights
        )

    def distribution(self):
        scale = tf.exp(tf.convert_to_tensor(self.log_scale)) + self.epsilon
        return DiagonalNormalMixture(tf.convert_to_tensor(self.logits), tf.convert_to_tensor(self.loc), scale)

    def get_config(self):
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "learn_weights": self.learn_weights,
            "spread": self.spread,
            "initial_scale": self.initial_scale,
            "epsilon": self.epsilon,
            "seed": self.seed,
        }
