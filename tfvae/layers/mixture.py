"""p(x | params) = Σ_k w_k p_k(x | params): mixtures whose weights and components come from the decoder."""

import functools
import math
from typing import Any, ClassVar

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions.on_demand_mixture import OnDemandMixture, shows_parameters
from tfvae.host.arguments import as_count, as_shape
from tfvae.host.saving import register
from tfvae.host.seeds import next_seed
from tfvae.host.tensors import as_distribution
from tfvae.layers.distribution_layer import DistributionLayer, as_params
from tfvae.layers.independent import IndependentLogistic, IndependentNormal

tfd = tfp.distributions


@register
class MixtureSameFamily(DistributionLayer):
    """Mixture of `num_components` distributions of one layer (`tfp.layers.MixtureSameFamily`).

    Args:
        num_components: int K >= 1.
        component_layer: a distribution layer, or a callable that maps `(…, K, component_params_size)` to a distribution
            of batch shape `(…, K)`.
        convert_to_tensor_fn: see `DistributionLayer`.
        validate_args: bool, whether TFP checks the parameters at run time.
        reparameterize: bool, whether gradients flow through draws to all parameters, the logits included (implicit
            reparameterization; the components must be reparameterized and have a cdf).

    Input shape: `(…, K (1 + component_params_size))`: first the K logits, then the components' parameters.
    """

    _arguments: ClassVar[tuple[str, ...]] = ("num_components", "component_layer", "validate_args", "reparameterize")

    def __init__(
        self,
        num_components: int,
        component_layer: Any,
        convert_to_tensor_fn: Any = tfd.Distribution.sample,
        validate_args: bool = False,
        *,
        reparameterize: bool = False,
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.num_components = as_count(num_components, "num_components")
        self.component_layer = component_layer
        self.validate_args = validate_args
        self.reparameterize = reparameterize

    def distribution(self, params: Any) -> Any:
        return self.new(
            params,
            self.num_components,
            self.component_layer,
            self.validate_args,
            reparameterize=self.reparameterize,
        )

    @property
    def num_params(self) -> int:
        return self.params_size(self.num_components, self.component_layer.num_params)

    @staticmethod
    def new(
        params: Any,
        num_components: int,
        component_layer: Any,
        validate_args: bool = False,
        name: Any = None,
        *,
        reparameterize: bool = False,
    ) -> Any:
        """The distribution with these parameters."""
        params = tf.convert_to_tensor(params)
        logits, component_params = params[..., :num_components], params[..., num_components:]
        size = params.shape[-1]
        if size is not None and (size <= num_components or size % num_components):
            raise ValueError(
                f"MixtureSameFamily with {num_components} components needs {num_components} * (1 + "
                f"component_params_size) parameters on the last axis, but got shape {tuple(params.shape)}."
            )
        per_component = -1 if size is None else size // num_components - 1
        batch = params.shape[:-1] if params.shape[:-1].is_fully_defined() else tf.shape(params)[:-1]
        shape = tf.concat([batch, [num_components, per_component]], axis=0)
        component_params = tf.reshape(component_params, shape)
        if isinstance(component_layer, DistributionLayer):  # its distribution, without a draw that nobody sees
            components = component_layer.distribution(component_params)
        else:
            components = as_distribution(component_layer(component_params), "MixtureSameFamily's `component_layer`")
        family = OnDemandMixture if reparameterize and shows_parameters(components) else tfd.MixtureSameFamily
        return family(
            tfd.Categorical(logits=logits), components, reparameterize=reparameterize, validate_args=validate_args
        )

    @staticmethod
    def params_size(num_components: int, component_params_size: Any, name: Any = None) -> int:
        """The number of parameters of one mixture."""
        return num_components * (1 + component_params_size)


class _MixtureOfIndependent(DistributionLayer):
    """Abstract: mixture of one of the independent location-scale families."""

    _arguments: ClassVar[tuple[str, ...]] = (
        "num_components",
        "event_shape",
        "validate_args",
        "epsilon",
        "reparameterize",
        "stratified",
    )
    _components: Any = None  # the layer class of the components

    def __init__(
        self,
        num_components,
        event_shape=(),
        convert_to_tensor_fn=tfd.Distribution.sample,
        validate_args=False,
        *,
        epsilon=0.0,
        reparameterize=True,
        stratified=False,
        **kwargs,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.num_components = as_count(num_components, "num_components")
        self.stratified = stratified
        self.event_shape = as_shape(event_shape)
        self.validate_args = validate_args
        self.epsilon = float(epsilon)
        self.reparameterize = reparameterize

    def distribution(self, params):
        return self.new(
            params,
            self.num_components,
            self.event_shape,
            self.validate_args,
            epsilon=self.epsilon,
            reparameterize=self.reparameterize,
        )

    @property
    def num_params(self):
        return self.params_size(self.num_components, self.event_shape)

    def draws(self, q, n=1, *, training=False, step=None):
        if not self.stratified:
            return super().draws(q, n, training=training, step=step)
        seed = next_seed(self.seed_generator)
        each = q.components_distribution.sample(n, seed=seed)  # (n, B, K, *E)
        strata = tf.concat(tf.unstack(each, axis=2), axis=0)
        log_weights = tf.nn.log_softmax(q.mixture_distribution.logits_parameter(), axis=-1)
        log_shares = tf.repeat(tf.transpose(log_weights), n, axis=0) - math.log(n)
        return strata, log_shares

    def carries_gradient(self, distribution):
        return self.stratified or super().carries_gradient(distribution)

    @classmethod
    def new(
        cls,
        params: Any,
        num_components: int,
        event_shape: Any = (),
        validate_args: bool = False,
        name: Any = None,
        *,
        epsilon: float = 0.0,
        reparameterize: bool = True,
    ) -> Any:
        """The distribution with these parameters."""
        params = as_params(params, cls.params_size(num_components, event_shape), cls.__name__)
        components = functools.partial(
            cls._components.new, event_shape=event_shape, validate_args=validate_args, epsilon=epsilon
        )
        return MixtureSameFamily.new(params, num_components, components, validate_args, reparameterize=reparameterize)

    @classmethod
    def params_size(cls, num_components: int, event_shape: Any = (), name: Any = None) -> int:
        """The number of parameters of one mixture."""
        return num_components * (1 + cls._components.params_size(event_shape))


@register
class MixtureNormal(_MixtureOfIndependent):
    """Mixture of independent normals (`tfp.layers.MixtureNormal`), with reparameterized draws.

    Args:
        num_components: int K >= 1.
        event_shape: shape of one event.
        convert_to_tensor_fn: see `DistributionLayer`.
        validate_args: bool, whether TFP checks the parameters at run time.
        epsilon: float, added to the components' softplus scales; 0 gives TFP's densities exactly.
        reparameterize: bool; True lets gradients flow through a draw to logits, locations and scales (implicit
            reparameterization). TFP's own layer does not: used as a posterior it leaves the logits without their gradient,
            and says nothing.
        stratified: bool; as a posterior, one draw from each component instead of one from the mixture, weighted by w_k:
            the other way for gradients to reach the logits, exact over the components and K times the decoder's work.
            Source: Morningstar et al., "Automatic differentiation variational inference with mixtures" (2021).

    Input shape: `(…, K (1 + 2 prod(event_shape)))`. Value: `(…, *event_shape)`.
    """

    _components: Any = IndependentNormal


@register
class MixtureLogistic(_MixtureOfIndependent):
    """Mixture of independent logistics (`tfp.layers.MixtureLogistic`); arguments as for `MixtureNormal`."""

    _components: Any = IndependentLogistic
