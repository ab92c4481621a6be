"""Mixtures of Gaussians that never build a (B, K, D) tensor of the whole."""

import math
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions
_FEW_DIMENSIONS = 3


class DiagonalNormalMixture(tfd.Distribution):
    """p(z) = Σ_k w_k N(z; μ_k, diag σ_k²) with components shared by the whole batch.

    The density never builds a (B, K, D) tensor: it sums over the dimensions where they are up to three, and takes a matrix
    product where they are more, in float64, since their difference would cost float32 its digits at narrow components.

    Args:
        logits: `(K,)`, unnormalized log weights; or `(B, K)`, where each example has its own weights.
        loc: `(K, D)` means.
        scale: `(K, D)` standard deviations.
    """

    def __init__(
        self,
        logits: Any,
        loc: Any,
        scale: Any,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: Any = "DiagonalNormalMixture",
    ):
        parameters = dict(locals())
        self.logits = tf.convert_to_tensor(logits)
        self.loc = tf.convert_to_tensor(loc)
        self.scale = tf.convert_to_tensor(scale)
        super().__init__(
            dtype=self.loc.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        return {
            "logits": properties(event_ndims=1),
            "loc": properties(event_ndims=2),
            "scale": properties(event_ndims=2),
        }

    def _batch_shape(self):
        return self.logits.shape[:-1]

    def _batch_shape_tensor(self, **_):
        return tf.shape(self.logits)[:-1]

    def _event_shape(self):
        return self.loc.shape[-1:]

    def _event_shape_tensor(self, **_):
        return tf.shape(self.loc)[-1:]

    @property
    def weights(self) -> Any:
        """The mixture weights, `(K,)` or `(B, K)`."""
        return tf.nn.softmax(self.logits)

    def component_log_probs(self, mean: Any, variance: Any = None) -> Any:
        """log N(z; μ_k, diag σ_k²) in nats, of shape `(…, K)`: at z = `mean`, `(…, D)`, or its expectation.

        Args:
            mean: points, or the means of independent z with these variances.
            variance: `(…, D)`, or None for points.
        """
        return self._log_probs(mean, variance, tf.zeros_like(self.loc[:, 0]))

    def joint_log_probs(self, mean: Any, variance: Any = None) -> Any:
        """log w_k + log N(z; μ_k, diag σ_k²), of shape `(…, K)`: at z = `mean` or, with a variance, its expectation."""
        log_weights = tf.nn.log_softmax(self.logits)
        if log_weights.shape.rank > 1:
            return log_weights + self.component_log_probs(mean, variance)
        return self._log_probs(mean, variance, log_weights)

    def _log_probs(self, mean, variance, constant):
        """constant_k + E log N(z; μ_k, diag σ_k²), `(…, K)`; constant of shape `(K,)`."""
        mean = tf.convert_to_tensor(mean, self.dtype)
        constant += -tf.reduce_sum(tf.math.log(self.scale), axis=-1) - 0.5 * self.loc.shape[-1] * math.log(2 * math.pi)
        of_rows = self._by_dimension if self.loc.shape[-1] <= _FEW_DIMENSIONS else self._by_product
        if mean.shape.rank == 2:
            return of_rows(mean, variance, constant)
        rows = [None if t is None else tf.reshape(t, [-1, self.loc.shape[-1]]) for t in (mean, variance)]
        return tf.reshape(of_rows(*rows, constant), tf.concat([tf.shape(mean)[:-1], tf.shape(self.loc)[:1]], axis=0))

    def _by_dimension(self, mean, variance, constant):
        """constant_k − ½ Σ_d E((z_d − μ_kd) / σ_kd)², of shape `(B, K)`."""
        columns = zip(*(tf.unstack(t, axis=-1) for t in (mean, self.loc, self.scale)), strict=True)
        extra = [0.0] * self.loc.shape[-1] if variance is None else tf.unstack(variance[:, :, None], axis=1)
        total = 0.0
        for (x, loc, scale), more in zip(columns, extra, strict=True):
            total += (tf.square(x[:, None] - loc) + more) / tf.square(scale)
        return constant - 0.5 * total

    def _by_product(self, mean, variance, constant):
        """The same by one product, [E z², E z, 1] · [−1/2σ², μ/σ², constant − Σ μ²/2σ²].

        Centred, so that a common shift of all costs no digits. All is in the product: what is done to its (B, K) numbers
        after it, and in its gradient, costs as much as the product does.
        """
        mean, loc, scale, constant = (tf.cast(t, tf.float64) for t in (mean, self.loc, self.scale, constant))
        center = tf.stop_gradient(tf.reduce_mean(loc, axis=0))
        mean, loc, precision = mean - center, loc - center, 1 / tf.square(scale)
        second = tf.square(mean) if variance is None else tf.square(mean) + tf.cast(variance, tf.float64)
        constant -= 0.5 * tf.reduce_sum(tf.square(loc) * precision, axis=-1)
        points = tf.concat([second, mean, tf.ones_like(mean[:, :1])], axis=-1)
        components = tf.concat([-0.5 * precision, loc * precision, constant[:, None]], axis=-1)
        return tf.cast(tf.matmul(points, components, transpose_b=True), self.dtype)

    def _log_prob(self, z):
        return tf.reduce_logsumexp(self.joint_log_probs(z), axis=-1)

    def responsibilities(self, z: Any) -> Any:
        """p(k | z), of shape `(…, K)` for z of shape `(…, D)`."""
        return tf.nn.softmax(self.joint_log_probs(z), axis=-1)

    def _sample_n(self, n, seed=None):
        component_seed, noise_seed = tfp.random.split_seed(seed, salt="DiagonalNormalMixture")
        component = tfd.Categorical(logits=self.logits).sample(n, seed=component_seed)
        shape = tf.concat([tf.shape(component), tf.shape(self.loc)[-1:]], axis=0)
        noise = tf.random.stateless_normal(shape, tfp.random.sanitize_seed(noise_seed), dtype=self.dtype)
        return tf.gather(self.loc, component) + tf.gather(self.scale, component) * noise

    def _mean(self):
        return tf.linalg.matvec(self.loc, self.weights, transpose_a=True)

    def _variance(self):
        loc = self.loc - tf.reduce_mean(self.loc, axis=0)  # near 0, where a difference of squares keeps its digits
        second = tf.linalg.matvec(tf.square(self.scale) + tf.square(loc), self.weights, transpose_a=True)
        return second - tf.square(tf.linalg.matvec(loc, self.weights, transpose_a=True))

    def _stddev(self):
        return tf.sqrt(self._variance())

    def _default_event_space_bijector(self):
        return tfp.bijectors.Identity(validate_args=self.validate_args)


class LocalNormalMixture(tfd.Distribution):
    """p(z) = Σ_k w_k N(z; μ_k, σ² I) with components of each example's own, near its center: a part of a larger mixture.

    Args:
        log_weights: `(B, K)`; their sum may be less than 1, so that the density is a lower bound of the whole's.
        loc: `(B, K, D)` means.
        scale: scalar σ.
        center: `(B, D)`, points near z, against which float32 keeps its digits.
    """

    def __init__(
        self,
        log_weights: Any,
        loc: Any,
        scale: Any,
        center: Any,
        validate_args: bool = False,
        name: Any = "LocalNormalMixture",
    ):
        parameters = dict(locals())
        self.log_weights, self.loc, self.scale, self.center = log_weights, loc, tf.convert_to_tensor(scale), center
        super().__init__(
            dtype=loc.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    def _batch_shape(self):
        return self.loc.shape[:-2]

    def _batch_shape_tensor(self, **_):
        return tf.shape(self.loc)[:-2]

    def _event_shape(self):
        return self.loc.shape[-1:]

    def _event_shape_tensor(self, **_):
        return tf.shape(self.loc)[-1:]

    def joint_log_probs(self, z: Any) -> Any:
        """log w_k + log N(z; μ_k, σ² I), `(…, B, K)` for z of shape `(…, B, D)`."""
        z, loc = z - self.center, self.loc - self.center[:, None]
        squares = (
            tf.reduce_sum(tf.square(z), axis=-1)[..., None]
            - 2 * tf.einsum("...bd,bkd->...bk", z, loc)
            + tf.reduce_sum(tf.square(loc), axis=-1)
        )
        dimension = tf.cast(tf.shape(loc)[-1], self.dtype)
        log_norm = dimension * (tf.math.log(self.scale) + 0.5 * math.log(2 * math.pi))
        return self.log_weights - 0.5 * squares / tf.square(self.scale) - log_norm

    def _log_prob(self, z):
        return tf.reduce_logsumexp(self.joint_log_probs(z), axis=-1)


def diagonal_normal(d: Any) -> Any:
    """(means, standard deviations), `(…, D)`, of a distribution of independent normals, or None where d is not one."""
    if isinstance(d, tfd.Independent) and isinstance(d.distribution, tfd.Normal) and d.event_shape.rank == 1:
        loc, scale = d.distribution.loc, d.distribution.scale
        return loc + tf.zeros_like(scale), scale + tf.zeros_like(loc)
    if isinstance(d, tfd.MultivariateNormalDiag):
        return d.mean(), d.stddev()
    return None


def as_diagonal_mixture(d: Any) -> Any:
    """`d`, without a batch, as the `DiagonalNormalMixture` that it is, or None where it is none."""
    if isinstance(d, DiagonalNormalMixture):
        return d
    logits, components = tf.zeros([1]), d
    if isinstance(d, tfd.MixtureSameFamily):
        logits, components = d.mixture_distribution.logits_parameter(), d.components_distribution
    normal = diagonal_normal(components)
    if normal is None or d.batch_shape.rank:
        return None
    loc, scale = (tf.reshape(t, [-1, t.shape[-1]]) for t in normal)
    return DiagonalNormalMixture(tf.cast(logits, loc.dtype), loc, scale)
