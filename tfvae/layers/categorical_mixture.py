"""Mixtures over categories whose weights and components come from the decoder."""

import functools

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.arguments import as_count, as_size
from tfvae.host.saving import register
from tfvae.layers.distribution_layer import DistributionLayer, as_params
from tfvae.layers.mixture import MixtureSameFamily
from tfvae.layers.multivariate import OneHotCategorical

tfd = tfp.distributions


@register
class CategoricalMixtureOfOneHotCategorical(DistributionLayer):
    """Mixture of one-hot categoricals (`tfp.layers.CategoricalMixtureOfOneHotCategorical`).

    `mean()` gives the mixture's probabilities and `log_mean()` their logarithms.

    Args:
        event_size: the number of categories: an int, or a shape with one axis.
        num_components: int K >= 1.
        convert_to_tensor_fn: see `DistributionLayer`.
        sample_dtype: dtype of the draws; None for the parameters' own.
        validate_args: bool, whether TFP checks the parameters at run time.
    """

    _arguments = ("event_size", "num_components", "sample_dtype", "validate_args")

    def __init__(
        self,
        event_size,
        num_components,
        convert_to_tensor_fn=tfd.Distribution.sample,
        sample_dtype=None,
        validate_args=False,
        **kwargs,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.event_size = as_size(event_size)
        self.num_components = as_count(num_components, "num_components")
        self.sample_dtype = None if sample_dtype is None else tf.as_dtype(sample_dtype)
        self.validate_args = validate_args

    def distribution(self, params):
        return self.new(params, self.event_size, self.num_components, self.sample_dtype, self.validate_args)

    @property
    def num_params(self):
        return self.params_size(self.event_size, self.num_components)

    @staticmethod
    def new(params, event_size, num_components, dtype=None, validate_args=False, name=None):
        """The distribution with these parameters."""
        event_size = as_size(event_size)
        cls = CategoricalMixtureOfOneHotCategorical
        params = as_params(params, cls.params_size(event_size, num_components), cls.__name__)
        components = functools.partial(OneHotCategorical.new, event_size=event_size, dtype=dtype)
        distribution = MixtureSameFamily.new(params, num_components, components, validate_args)
        log_weights = tf.nn.log_softmax(params[..., :num_components], axis=-1)[..., None]
        log_probs = tf.nn.log_softmax(distribution.components_distribution.logits, axis=-1)
        log_mean = tf.reduce_logsumexp(log_weights + log_probs, axis=-2)
        distribution.log_mean = lambda: log_mean
        return distribution

    @staticmethod
    def params_size(event_size, num_components, name=None):
        """The number of parameters of one mixture."""
        event_size = as_size(event_size)
        return num_components * (1 + event_size)
