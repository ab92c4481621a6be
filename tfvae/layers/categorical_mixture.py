"""Mixtures over categories whose weights and components come from the decoder."""

import functools
from typing import Any, ClassVar

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions.one_hot_mixture import OneHotMixture
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

    _arguments: ClassVar[tuple[str, ...]] = ("event_size", "num_components", "sample_dtype", "validate_args")

    def __init__(
        self,
        event_size: Any,
        num_components: int,
        convert_to_tensor_fn: Any = tfd.Distribution.sample,
        sample_dtype: Any = None,
        validate_args: bool = False,
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.event_size = as_size(event_size)
        self.num_components = as_count(num_components, "num_components")
        self.sample_dtype = None if sample_dtype is None else tf.as_dtype(sample_dtype)
        self.validate_args = validate_args

    def distribution(self, params: Any) -> Any:
        return self.new(params, self.event_size, self.num_components, self.sample_dtype, self.validate_args)

    @property
    def num_params(self) -> int:
        return self.params_size(self.event_size, self.num_components)

    @staticmethod
    def new(
        params: Any,
        event_size: Any,
        num_components: int,
        dtype: Any = None,
        validate_args: bool = False,
        name: Any = None,
    ) -> Any:
        """The distribution with these parameters."""
        event_size = as_size(event_size)
        cls = CategoricalMixtureOfOneHotCategorical
        params = as_params(params, cls.params_size(event_size, num_components), cls.__name__)
        components = functools.partial(OneHotCategorical.new, event_size=event_size, dtype=dtype)
        mixture = MixtureSameFamily.new(params, num_components, components, validate_args)
        return OneHotMixture(mixture.mixture_distribution, mixture.components_distribution, validate_args=validate_args)

    @staticmethod
    def params_size(event_size: Any, num_components: int, name: Any = None) -> int:
        """The number of parameters of one mixture."""
        event_size = as_size(event_size)
        return num_components * (1 + event_size)
