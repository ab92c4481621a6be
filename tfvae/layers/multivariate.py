"""p(x | params) of vectors whose elements depend on each other."""

from typing import Any, ClassVar

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.arguments import as_size
from tfvae.host.saving import register
from tfvae.layers.distribution_layer import DistributionLayer, as_params

tfd = tfp.distributions


@register
class MultivariateNormalTriL(DistributionLayer):
    """N(loc, L Lᵀ) with a lower-triangular L (`tfp.layers.MultivariateNormalTriL`).

    Args:
        event_size: d, the length of one event: an int, or a shape with one axis.
        convert_to_tensor_fn: see `DistributionLayer`.
        validate_args: bool, whether TFP checks the parameters at run time.
        diag_shift: float, added to the softplus diagonal of L; TFP's own by default.

    Input shape: `(…, d + d(d+1)/2)`. Value: `(…, d)`.
    """

    _arguments: ClassVar[tuple[str, ...]] = ("event_size", "validate_args", "diag_shift")

    def __init__(
        self,
        event_size: Any,
        convert_to_tensor_fn: Any = tfd.Distribution.sample,
        validate_args: bool = False,
        *,
        diag_shift: float = 1e-5,
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.event_size = as_size(event_size)
        self.validate_args = validate_args
        self.diag_shift = float(diag_shift)

    def distribution(self, params: Any) -> Any:
        return self.new(params, self.event_size, self.validate_args, diag_shift=self.diag_shift)

    @property
    def num_params(self) -> int:
        return self.params_size(self.event_size)

    @staticmethod
    def new(
        params: Any, event_size: Any, validate_args: bool = False, name: Any = None, *, diag_shift: float = 1e-5
    ) -> Any:
        """The distribution with these parameters: locations, then L filled as by `tfb.FillScaleTriL`."""
        event_size = as_size(event_size)
        params = as_params(params, MultivariateNormalTriL.params_size(event_size), "MultivariateNormalTriL")
        to_tril = tfp.bijectors.FillScaleTriL(diag_shift=tf.cast(diag_shift, params.dtype), validate_args=validate_args)
        return tfd.MultivariateNormalTriL(
            loc=params[..., :event_size],
            scale_tril=to_tril(params[..., event_size:]),
            validate_args=validate_args,
        )

    @staticmethod
    def params_size(event_size: Any, name: Any = None) -> int:
        """The number of parameters of one distribution."""
        event_size = as_size(event_size)
        return event_size + event_size * (event_size + 1) // 2


@register
class OneHotCategorical(DistributionLayer):
    """One-hot vectors with the given logits (`tfp.layers.OneHotCategorical`).

    Args:
        event_size: the number of categories: an int, or a shape with one axis.
        convert_to_tensor_fn: see `DistributionLayer`.
        sample_dtype: dtype of the draws; None for the parameters' own.
        validate_args: bool, whether TFP checks the parameters at run time.
    """

    support = "one-hot"
    _arguments: ClassVar[tuple[str, ...]] = ("event_size", "sample_dtype", "validate_args")

    def __init__(
        self,
        event_size: Any,
        convert_to_tensor_fn: Any = tfd.Distribution.sample,
        sample_dtype: Any = None,
        validate_args: bool = False,
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.event_size = as_size(event_size)
        self.sample_dtype = None if sample_dtype is None else tf.as_dtype(sample_dtype)
        self.validate_args = validate_args

    def distribution(self, params: Any) -> Any:
        return self.new(params, self.event_size, self.sample_dtype, self.validate_args)

    @property
    def num_params(self) -> int:
        return self.params_size(self.event_size)

    @staticmethod
    def new(params: Any, event_size: Any, dtype: Any = None, validate_args: bool = False, name: Any = None) -> Any:
        """The distribution with these parameters (logits)."""
        event_size = as_size(event_size)
        logits = as_params(params, event_size, "OneHotCategorical")
        return tfd.OneHotCategorical(logits=logits, dtype=dtype or logits.dtype, validate_args=validate_args)

    @staticmethod
    def params_size(event_size: Any, name: Any = None) -> int:
        """The number of parameters of one distribution."""
        return as_size(event_size)
