"""How what several encoders say of z becomes one q(z|x_S), for any subset S of the modalities."""

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.precision import float32_policy
from tfvae.host.saving import register
from tfvae.layers.distribution_layer import DistributionLayer
from tfvae.layers.log_variance import LogVarianceNormal
from tfvae.layers.mixture import MixtureNormal

_ABSENT = -1e9  # the logit of a component that is not there
_SMALLEST = 1e-4  # standard deviation


class Aggregation(keras.layers.Layer):
    """Abstract: features of the modalities and which are there -> the parameters of q(z|x_S).

    A subclass defines `call(features, present)` and `posterior()`. Without any modality q is N(0, I).

    Args:
        latent_dim: int D.
        num_modalities: int M.

    Attributes:
        feature_dim: int F, how many numbers each encoder gives.

    Input: features `(B, M, F)`, present `(B, M)` booleans; features of what is absent change nothing.
    """

    _arguments: ClassVar[tuple[str, ...]] = ("latent_dim", "num_modalities")

    def __init__(self, latent_dim: int, num_modalities: int, **kwargs: Any):
        super().__init__(**float32_policy(kwargs))
        self.latent_dim, self.num_modalities = int(latent_dim), int(num_modalities)

    @property
    def feature_dim(self) -> int:
        return 2 * self.latent_dim

    def posterior(self) -> DistributionLayer:
        """A layer that makes q(z|x_S) of this layer's output."""
        return LogVarianceNormal(self.latent_dim, name="posterior")

    def call(self, features: Any, present: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define `call(features, present)`.")

    def compute_output_spec(self, features: Any, present: Any) -> Any:
        return keras.KerasTensor((features.shape[0], self.posterior().num_params), dtype="float32")

    def get_config(self) -> dict:
        return {**super().get_config(), **{name: getattr(self, name) for name in self._arguments}}


def _experts(features, present):
    """(locations, log precisions) `(B, M, D)` of normal experts; of those that are absent 0 and −∞, nearly."""
    features = tf.where(present[..., None], features, 0.0)
    loc, log_variance = tf.split(features, 2, axis=-1)
    return loc, tf.where(present[..., None], -log_variance, _ABSENT)


def _product(loc, log_precision, prior_expert):
    """(location, log variance) of the product over the axis before the last."""
    if prior_expert:
        zero = tf.zeros_like(loc[..., :1, :])
        loc, log_precision = tf.concat([loc, zero], axis=-2), tf.concat([log_precision, zero], axis=-2)
    total = tf.reduce_logsumexp(log_precision, axis=-2, keepdims=True)
    mean = tf.reduce_sum(tf.exp(log_precision - total) * loc, axis=-2)
    return mean, -total[..., 0, :]


def or_prior(params, present):
    """Parameters of a `LogVarianceNormal`; those of N(0, I), zeros, where nothing is there."""
    return tf.where(tf.reduce_any(present, axis=-1, keepdims=True), params, 0.0)


@register
class ProductOfExperts(Aggregation):
    """q(z|x_S) = N(0, I) Π_{m ∈ S} N(z; μ_m, σ_m²), normalized: each encoder gives a factor of the likelihood.

    q(z|x_m) of one modality is then the factor times the prior, which is counted once in every subset. Other libraries take
    the factors themselves for q(z|x_m), and multiply them and the prior: it then counts M + 1 times.

    Args:
        latent_dim: int D.
        num_modalities: int M.
        prior_expert: bool; False leaves the prior out, as MVTCAE does: the factors are the q(z|x_m).

    Source: Wu and Goodman, "Multimodal generative models for scalable weakly-supervised learning" (2018); Hwang et al.,
    "Multi-view representation learning via total correlation objective" (2021).
    """

    _arguments = ("latent_dim", "num_modalities", "prior_expert")

    def __init__(self, latent_dim: int, num_modalities: int, prior_expert: bool = True, **kwargs: Any):
        super().__init__(latent_dim, num_modalities, **kwargs)
        self.prior_expert = bool(prior_expert)

    def call(self, features: Any, present: Any) -> Any:
        loc, log_precision = _experts(features, present)
        params = tf.concat(_product(loc, log_precision, self.prior_expert), axis=-1)
        return or_prior(params, present)


@register
class GeneralizedProductOfExperts(Aggregation):
    """q(z|x_S) ∝ Π_{m ∈ S} N(z; μ_m, σ_m²)^{α_m}, with weights α of each dimension that sum to 1 over S.

    The third part of the features are the weights' logits.

    Source: Cao and Fleet, "Generalized product of experts for automatic and principled fusion of Gaussian process
    predictions" (2014).
    """

    @property
    def feature_dim(self) -> int:
        return 3 * self.latent_dim

    def call(self, features: Any, present: Any) -> Any:
        loc, log_precision = _experts(features[..., : 2 * self.latent_dim], present)
        logits = tf.where(present[..., None], features[..., 2 * self.latent_dim :], _ABSENT)
        weighted = log_precision + tf.nn.log_softmax(logits, axis=-2)
        return or_prior(tf.concat(_product(loc, weighted, prior_expert=False), axis=-1), present)


class _Mixture(Aggregation):
    """Abstract: q(z|x_S) is a mixture of equal weights over the subsets in `self._subsets` that are there."""

    def posterior(self) -> DistributionLayer:
        return MixtureNormal(len(self._subsets), self.latent_dim, stratified=True, epsilon=0.0, name="posterior")

    @property
    def _subsets(self) -> Sequence[tuple[int, ...]]:
        raise NotImplementedError

    def _component(self, loc, log_precision, subset):
        """(location, log variance) of a subset's component."""
        raise NotImplementedError

    def call(self, features: Any, present: Any) -> Any:
        loc, log_precision = _experts(features, present)
        logits, parts = [], []
        for subset in self._subsets:
            is_there = tf.reduce_all(tf.gather(present, subset, axis=1), axis=1, keepdims=True)
            mean, log_variance = self._component(loc, log_precision, subset)
            scale = tf.maximum(tf.exp(0.5 * tf.where(is_there, log_variance, 0.0)), _SMALLEST)
            parts += [tf.where(is_there, mean, 0.0), tfp.math.softplus_inverse(scale)]  # what is absent is N(0, I)
            logits.append(tf.where(is_there, 0.0, _ABSENT))
        logits = tf.concat(logits, axis=1)
        logits = tf.where(tf.reduce_any(present, axis=1, keepdims=True), logits, 0.0)
        return tf.concat([logits, *parts], axis=-1)


@register
class MixtureOfExperts(_Mixture):
    """q(z|x_S) = (1 / |S|) Σ_{m ∈ S} N(z; μ_m, σ_m²), with a draw from each component in training.

    Source: Shi et al., "Variational mixture-of-experts autoencoders for multi-modal deep generative models" (2019).
    """

    @property
    def _subsets(self):
        return [(m,) for m in range(self.num_modalities)]

    def _component(self, loc, log_precision, subset):
        return loc[:, subset[0]], -log_precision[:, subset[0]]


@register
class MixtureOfProducts(_Mixture):
    """q(z|x_S) is the mixture of the products of all subsets of S but the empty one, of equal weights.

    There are 2^M − 1 components, with a draw from each in training.

    Args:
        latent_dim: int D.
        num_modalities: int M, at most 8.
        prior_expert: "all", for a factor N(0, I) in the product of all modalities alone, as published; "each" or "none".

    Source: Sutter, Daunhawer and Vogt, "Generalized multimodal ELBO" (2021).
    """

    _arguments = ("latent_dim", "num_modalities", "prior_expert")

    def __init__(self, latent_dim: int, num_modalities: int, prior_expert: str = "all", **kwargs: Any):
        super().__init__(latent_dim, num_modalities, **kwargs)
        if prior_expert not in ("all", "each", "none"):
            raise ValueError(f"`prior_expert` must be one of all, each, none, but got {prior_expert!r}.")
        if num_modalities > 8:
            raise ValueError(
                f"{num_modalities} modalities have {2**num_modalities - 1:,} subsets: choose another aggregation."
            )
        self.prior_expert = prior_expert

    @property
    def _subsets(self):
        everything = range(self.num_modalities)
        return [s for k in everything for s in itertools.combinations(everything, k + 1)]

    def _component(self, loc, log_precision, subset):
        has_prior = self.prior_expert == "each" or (self.prior_expert == "all" and len(subset) == self.num_modalities)
        some = (tf.gather(part, subset, axis=1) for part in (loc, log_precision))
        return _product(*some, has_prior)
