"""p(x | params) with independent elements."""

import functools
from typing import Any, ClassVar

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions.bernoulli import LogitsBernoulli
from tfvae.distributions.discretized_logistic import DiscretizedLogistic
from tfvae.distributions.independent_bernoulli import IndependentBernoulliDistribution
from tfvae.host.arguments import as_shape, check_unit_interval, check_whole, event_size
from tfvae.host.saving import register
from tfvae.host.seeds import next_seed, standard_normal
from tfvae.layers.distribution_layer import DistributionLayer, as_params, reshape_events
from tfvae.layers.scales import LearnedScale, as_scale, scale_value

tfd = tfp.distributions


def _independent(distribution, event_shape, validate_args):
    return tfd.Independent(distribution, len(event_shape), validate_args=validate_args)


class _LocationScale(DistributionLayer):
    """Abstract: independent elements of a location-scale family."""

    _arguments: ClassVar[tuple[str, ...]] = ("event_shape", "validate_args", "scale", "epsilon")
    _family: Any = None  # (location, scale) -> the elements' distribution
    _more = {}  # further arguments of `new`

    def __init__(
        self,
        event_shape=(),
        convert_to_tensor_fn=tfd.Distribution.sample,
        validate_args=False,
        *,
        scale=None,
        epsilon=0.0,
        **kwargs,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.event_shape = as_shape(event_shape)
        self.validate_args = validate_args
        self.scale = as_scale(scale)
        self.epsilon = float(epsilon)
        if isinstance(self.scale, LearnedScale):
            self.scale.build(self.event_shape)

    def distribution(self, params):
        return self.new(
            params,
            self.event_shape,
            self.validate_args,
            scale=scale_value(self.scale),
            epsilon=self.epsilon,
            **self._more,
        )

    @property
    def num_params(self):
        return self.params_size(self.event_shape, scale=self.scale)

    @classmethod
    def new(
        cls,
        params: Any,
        event_shape: Any = (),
        validate_args: bool = False,
        name: Any = None,
        *,
        scale: Any = None,
        epsilon: float = 0.0,
    ) -> Any:
        """The distribution with these parameters."""
        return cls._new(cls._family, params, event_shape, validate_args, scale, epsilon)

    @classmethod
    def _new(cls, family, params, event_shape, validate_args, scale, epsilon):
        event_shape = as_shape(event_shape)
        params = as_params(params, cls.params_size(event_shape, scale=scale), cls.__name__)
        if scale is None:
            loc, rho = tf.split(params, 2, axis=-1)
            loc = reshape_events(loc, event_shape)
            scale = tf.math.softplus(reshape_events(rho, event_shape)) + tf.cast(epsilon, params.dtype)
        else:
            loc = reshape_events(params, event_shape)
            scale = tf.broadcast_to(tf.cast(scale, loc.dtype), tf.shape(loc))
        return _independent(family(loc, scale, validate_args=validate_args), event_shape, validate_args)

    @staticmethod
    def params_size(event_shape=(), name=None, *, scale=None):
        """The number of parameters of one distribution: half as many where the `scale` is given."""
        return event_size(event_shape) * (2 if scale is None else 1)


@register
class IndependentNormal(_LocationScale):
    """N(loc, scale²), independent over the event's elements (`tfp.layers.IndependentNormal`).

    Args:
        event_shape: shape of one event.
        convert_to_tensor_fn: see `DistributionLayer`.
        validate_args: bool, whether TFP checks the parameters at run time.
        scale: None, for softplus(second half of the parameters) + epsilon as in TFP; a float, for a fixed standard
            deviation; or a `LearnedScale`. With a scale the parameters are the locations alone.
        epsilon: float, added to the softplus; 0 gives TFP's densities exactly.

    Input shape: `(…, params_size)`. Value: `(…, *event_shape)`.
    """

    _family = tfd.Normal

    def _draw(self, distribution, seed):
        normal = distribution.distribution
        return normal.loc + normal.scale * standard_normal(tf.shape(normal.loc), seed, normal.dtype)

    def _several_draws(self, distribution, n):
        normal = distribution.distribution
        shape = tf.concat([[n], tf.shape(normal.loc)], axis=0)
        noise = standard_normal(shape, next_seed(self.seed_generator), normal.dtype)
        return normal.loc + normal.scale * noise


@register
class IndependentLogistic(_LocationScale):
    """Logistic(loc, scale), independent over the event's elements (`tfp.layers.IndependentLogistic`).

    Arguments as for `IndependentNormal`; the scale is the logistic's own (its standard deviation is πs/√3).
    """

    _family = tfd.Logistic


@register
class IndependentLaplace(_LocationScale):
    """Laplace(loc, scale), independent over the event's elements: −log p is the absolute error over the scale.

    Arguments as for `IndependentNormal`; the scale is the Laplace's own (its standard deviation is √2 times as large).
    """

    _family = tfd.Laplace

    def _value_of(self, distribution):
        value = super()._value_of(distribution)  # TFP's mean of a Laplace forgets the static length of an axis of 1
        of_event = distribution.batch_shape + distribution.event_shape
        return tf.ensure_shape(value, of_event) if value.shape.is_compatible_with(of_event) else value


class _OneParameter(DistributionLayer):
    """Abstract: independent elements of a family with one parameter an element."""

    _arguments: ClassVar[tuple[str, ...]] = ("event_shape", "validate_args")

    def __init__(self, event_shape=(), convert_to_tensor_fn=tfd.Distribution.sample, validate_args=False, **kwargs):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.event_shape = as_shape(event_shape)
        self.validate_args = validate_args

    def distribution(self, params):
        return self.new(params, self.event_shape, validate_args=self.validate_args)

    @property
    def num_params(self):
        return self.params_size(self.event_shape)

    @classmethod
    def _elements(cls, params, event_shape):
        event_shape = as_shape(event_shape)
        params = as_params(params, event_size(event_shape), cls.__name__)
        return reshape_events(params, event_shape), event_shape

    @staticmethod
    def params_size(event_shape=(), name=None):
        """The number of parameters of one distribution."""
        return event_size(event_shape)


@register
class IndependentBernoulli(_OneParameter):
    """Bernoulli(logits), independent over the event's elements (`tfp.layers.IndependentBernoulli`).

    Args:
        event_shape: shape of one event.
        convert_to_tensor_fn: see `DistributionLayer`; also `tfd.Bernoulli.logits`.
        sample_dtype: dtype of the draws; None for the parameters' own.
        validate_args: bool, whether TFP checks the parameters at run time.
    """

    _arguments: ClassVar[tuple[str, ...]] = ("event_shape", "sample_dtype", "validate_args")

    def __init__(
        self,
        event_shape: Any = (),
        convert_to_tensor_fn: Any = tfd.Distribution.sample,
        sample_dtype: Any = None,
        validate_args: bool = False,
        **kwargs: Any,
    ):
        super().__init__(event_shape, convert_to_tensor_fn, validate_args, **kwargs)
        self.sample_dtype = None if sample_dtype is None else tf.as_dtype(sample_dtype)

    def distribution(self, params: Any) -> Any:
        return self.new(params, self.event_shape, self.sample_dtype, self.validate_args)

    def check_events(self, name: Any, data: Any) -> None:
        check_unit_interval(name, data, "IndependentBernoulli")

    @staticmethod
    def new(
        params: Any, event_shape: Any = (), dtype: Any = None, validate_args: bool = False, name: Any = None
    ) -> Any:
        """The distribution with these parameters."""
        logits, event_shape = IndependentBernoulli._elements(params, event_shape)
        elements = LogitsBernoulli(logits=logits, dtype=dtype or logits.dtype, validate_args=validate_args)
        return IndependentBernoulliDistribution(elements, len(event_shape), validate_args=validate_args)


@register
class IndependentPoisson(_OneParameter):
    """Poisson(exp(params)), independent over the event's elements (`tfp.layers.IndependentPoisson`)."""

    @staticmethod
    def new(params: Any, event_shape: Any = (), validate_args: bool = False, name: Any = None) -> Any:
        """The distribution with these parameters (log rates)."""
        log_rate, event_shape = IndependentPoisson._elements(params, event_shape)
        return _independent(tfd.Poisson(log_rate=log_rate, validate_args=validate_args), event_shape, validate_args)

    def check_events(self, name: Any, data: Any) -> None:
        check_whole(name, data, "IndependentPoisson")


@register
class IndependentContinuousBernoulli(_OneParameter):
    """Continuous Bernoulli(logits) on [0, 1], independent over the event's elements.

    The normalized density behind the cross-entropy of grey values. Source: Loaiza-Ganem and Cunningham, "The continuous
    Bernoulli: fixing a pervasive error in variational autoencoders" (2019).
    """

    @staticmethod
    def new(params: Any, event_shape: Any = (), validate_args: bool = False, name: Any = None) -> Any:
        """The distribution with these parameters (logits)."""
        logits, event_shape = IndependentContinuousBernoulli._elements(params, event_shape)
        return _independent(
            tfd.ContinuousBernoulli(logits=logits, validate_args=validate_args), event_shape, validate_args
        )

    def check_events(self, name: Any, data: Any) -> None:
        check_unit_interval(name, data, "IndependentContinuousBernoulli")


@register
class IndependentDiscretizedLogistic(_LocationScale):
    """A logistic rounded to the levels 0, 1/(L−1), …, 1 of an image, independent over the event's elements.

    Args:
        event_shape: shape of one event.
        convert_to_tensor_fn: see `DistributionLayer`.
        validate_args: bool, whether TFP checks the parameters at run time.
        scale: as for `IndependentNormal`: None for softplus(second half of the parameters) + epsilon.
        epsilon: float, added to the softplus.
        levels: int L >= 2, 256 for 8-bit images.
    """

    _arguments: ClassVar[tuple[str, ...]] = ("event_shape", "validate_args", "scale", "epsilon", "levels")

    def __init__(self, *args: Any, levels: int = 256, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if int(levels) < 2:
            raise ValueError(f"`levels` must be at least 2, but got {levels!r}.")
        self.levels = int(levels)
        self._more = {"levels": self.levels}

    def check_events(self, name: Any, data: Any) -> None:
        check_unit_interval(name, data, "IndependentDiscretizedLogistic")

    @classmethod
    def new(
        cls,
        params: Any,
        event_shape: Any = (),
        validate_args: bool = False,
        name: Any = None,
        *,
        scale: Any = None,
        epsilon: float = 0.0,
        levels: int = 256,
    ) -> Any:
        """The distribution with these parameters."""
        family = functools.partial(DiscretizedLogistic, levels=levels)
        return cls._new(family, params, event_shape, validate_args, scale, epsilon)
