"""Aggregations of several modalities that are learned: sums over sets."""

from typing import Any, ClassVar

import keras
import tensorflow as tf

from tfvae.host.saving import register
from tfvae.layers.aggregation import Aggregation, or_prior


class _Pooling(Aggregation):
    """Abstract: ρ(Σ_{m ∈ S} of what `_elements` makes of the features), two dense layers and the parameters."""

    _arguments: ClassVar[tuple[str, ...]] = ("latent_dim", "num_modalities", "width")

    def __init__(self, latent_dim: int, num_modalities: int, width: int = 256, **kwargs: Any):
        super().__init__(latent_dim, num_modalities, **kwargs)
        self.width = int(width)
        self.after = [keras.layers.Dense(self.width, activation="leaky_relu") for _ in range(2)]
        self.params = keras.layers.Dense(2 * self.latent_dim)

    @property
    def feature_dim(self) -> int:
        return self.width

    def build(self, features_shape: Any, present_shape: Any = None) -> None:
        del features_shape, present_shape
        for layer in (*self.after, self.params):
            layer.build((None, self.width))
        self.built = True

    def _elements(self, features, present):
        """(B, M, width)"""
        raise NotImplementedError

    def call(self, features: Any, present: Any) -> Any:
        there = present[..., None]
        elements = self._elements(tf.where(there, features, 0.0), present)
        h = tf.reduce_sum(tf.where(there, elements, 0.0), axis=1)
        for layer in self.after:
            h = layer(h)
        return or_prior(self.params(h), present)


@register
class SumPooling(_Pooling):
    """q(z|x_S) = N(ρ(Σ_{m ∈ S} χ(h_m))): one network χ for all modalities' features, one ρ for their sum.

    Args:
        latent_dim: int D.
        num_modalities: int M.
        width: int, of both networks and of the features.

    Source: Hirt et al., "Learning multi-modal generative models with permutation-invariant encoders and tighter variational
    objectives" (2024); Zaheer et al., "Deep sets" (2017).
    """

    def __init__(self, latent_dim: int, num_modalities: int, width: int = 256, **kwargs: Any):
        super().__init__(latent_dim, num_modalities, width, **kwargs)
        self.before = [keras.layers.Dense(self.width, activation="leaky_relu") for _ in range(2)]
        self.last = keras.layers.Dense(self.width)

    def build(self, features_shape: Any, present_shape: Any = None) -> None:
        for layer in (*self.before, self.last):
            layer.build((None, self.num_modalities, self.width))
        super().build(features_shape)

    def _elements(self, features, present):
        del present
        for layer in self.before:
            features = layer(features)
        return self.last(features)


@register
class SelfAttention(_Pooling):
    """q(z|x_S) = N(ρ(Σ_{m ∈ S} of attention between the modalities in S)).

    Args:
        latent_dim: int D.
        num_modalities: int M.
        width: int, of the features, the attention and ρ.
        num_heads: int, which divides the width.

    Source: Hirt et al. (2024); Lee et al., "Set transformer" (2019).
    """

    _arguments = ("latent_dim", "num_modalities", "width", "num_heads")

    def __init__(self, latent_dim: int, num_modalities: int, width: int = 256, num_heads: int = 4, **kwargs: Any):
        super().__init__(latent_dim, num_modalities, width, **kwargs)
        if width % num_heads:
            raise ValueError(f"`num_heads` must divide the width {width}, but got {num_heads}.")
        self.num_heads = int(num_heads)
        self.before = keras.layers.Dense(self.width, activation="leaky_relu")
        self.norms = [keras.layers.LayerNormalization() for _ in range(2)]
        self.attention = keras.layers.MultiHeadAttention(self.num_heads, self.width // self.num_heads)

    def build(self, features_shape: Any, present_shape: Any = None) -> None:
        shape = (None, self.num_modalities, self.width)
        for layer in (self.before, *self.norms):
            layer.build(shape)
        self.attention.build(shape, shape)
        super().build(features_shape)

    def _elements(self, features, present):
        h = self.before(features)
        seen = self.norms[0](h)
        h = h + self.attention(seen, seen, attention_mask=present[:, None, :] & present[:, :, None])
        return self.norms[1](h)
