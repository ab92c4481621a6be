"""KL(q ‖ p): exact, by Monte Carlo, and between bounds of known direction where p is a mixture of Gaussians.

With H(q) the entropy and KL_k = KL(q ‖ p_k), for a Gaussian q and p = Σ_k w_k p_k:

    product bound ≤ KL(q ‖ p) ≤ D_var ≤ min bound ≤ D_var + log K,    D_var ≤ convexity bound.

Source: Hershey and Olsen, "Approximating the Kullback Leibler divergence between Gaussian mixture models" (2007).
"""

import math
from typing import Any, ClassVar

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions.mixtures import as_diagonal_mixture, diagonal_normal
from tfvae.host.saving import register

tfd = tfp.distributions


def monte_carlo_kl(q: Any, p: Any, z: Any) -> Any:
    """log q(z) − log p(z), in nats: unbiased for KL(q ‖ p) when z ~ q.

    Args:
        q, p: `tfd.Distribution`s over the same events.
        z: points, of shape `(…, *batch_shape, *event_shape)`.

    Returns:
        Tensor of shape `(…, *batch_shape)`.
    """
    return q.log_prob(z) - p.log_prob(z)


def kl_divergence(q: Any, p: Any, z: Any) -> Any:
    """KL(q ‖ p) in nats: exact where TFP registers it, else `monte_carlo_kl` at the decoder's own `z`.

    Returns:
        Tensor of shape `batch_shape`, or `(S, *batch_shape)` when it is Monte Carlo and z has S leading draws.
    """
    exact = exact_kl(q, p)
    return monte_carlo_kl(q, p, z) if exact is None else exact


def exact_kl(q: Any, p: Any) -> Any:
    """KL(q ‖ p) in nats in closed form, of shape `batch_shape`, or None where TFP registers none."""
    for a, b in ((q, p), (_as_multivariate_normal(q), _as_multivariate_normal(p))):
        try:
            return tfd.kl_divergence(a, b)
        except NotImplementedError:
            continue
    return None


def normal_kl(mean: Any, variance: Any) -> Any:
    """KL(N(mean, variance) ‖ N(0, 1)) in nats, elementwise."""
    return 0.5 * (tf.square(mean) + variance - 1 - tf.math.log(variance))


def kl_per_dimension(q: Any, p: Any) -> Any:
    """KL(q_d ‖ p_d) of independent dimensions, of shape `(*batch_shape, D)`; None where the two do not factorize."""
    if isinstance(q, tfd.Independent) and isinstance(p, tfd.Independent):
        return exact_kl(q.distribution, p.distribution)
    return None


class KLEstimator:
    """Abstract: (q, p, z) -> KL(q ‖ p) in nats, of shape `(B,)`, or `(S, B)` where it depends on S draws z.

    Attributes:
        direction: "unbiased", "upper" or "lower": how the estimate, or its expectation, lies to KL(q ‖ p). With an upper
            bound or an unbiased estimate the ELBO stays a lower bound of log p(x).
    """

    direction: ClassVar[str]

    def __call__(self, q: Any, p: Any, z: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define `__call__(q, p, z)`.")

    def get_config(self) -> dict:
        return {}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return cls(**config)


@register
class ExactKL(KLEstimator):
    """The closed form; ValueError where TFP registers none."""

    direction = "unbiased"

    def __call__(self, q: Any, p: Any, z: Any = None) -> Any:
        mixture = as_diagonal_mixture(p)
        if mixture is not None and mixture.loc.shape[0] == 1:
            p = tfd.MultivariateNormalDiag(mixture.loc[0], mixture.scale[0])
        exact = exact_kl(q, p)
        if exact is None:
            raise ValueError(
                f"There is no closed form of the KL from {type(q).__name__} to {type(p).__name__}: choose MonteCarloKL "
                "or, for a Gaussian q and a mixture p, VariationalKL."
            )
        return exact


@register
class MonteCarloKL(KLEstimator):
    """log q(z) − log p(z) at the draws z ~ q. Its variance vanishes where q is p."""

    direction = "unbiased"

    def __call__(self, q: Any, p: Any, z: Any) -> Any:
        return monte_carlo_kl(q, p, z)


@register
class MonteCarloCrossEntropyKL(KLEstimator):
    """−H(q) − log p(z) with the exact entropy: of less variance than `MonteCarloKL` where q is narrower than p's modes."""

    direction = "unbiased"

    def __call__(self, q: Any, p: Any, z: Any) -> Any:
        try:
            entropy = q.entropy()
        except NotImplementedError:
            raise ValueError(f"{type(q).__name__} has no entropy in closed form: choose MonteCarloKL.") from None
        return -entropy - p.log_prob(z)


class _MixtureBound(KLEstimator):
    """Abstract: a bound for a diagonal Gaussian q, of batch `(B,)`, and a mixture p of diagonal Gaussians."""

    def __call__(self, q, p, z=None):
        normal, mixture = diagonal_normal(q), as_diagonal_mixture(p)
        if normal is None or mixture is None:
            raise ValueError(
                f"{type(self).__name__} is for a posterior of independent normals and a prior that is a mixture of "
                f"diagonal Gaussians, but got {type(q).__name__} and {type(p).__name__}: choose MonteCarloKL."
            )
        mean, scale = normal
        return self._bound(mean, tf.square(scale), mixture) - q.entropy()

    def _bound(self, mean, variance, mixture):
        """The bound of the cross-entropy −E_q log p, `(B,)`."""
        raise NotImplementedError(f"{type(self).__name__} must define `_bound`.")


@register
class VariationalKL(_MixtureBound):
    """D_var = −log Σ_k w_k exp(−KL_k): the KL of a model with one latent class per component and its best class posterior.

    Deterministic, and tight where q lies inside one component and the others are far. Its gradient with respect to the KL_k
    is softmax(log w − KL). Source: R. Shu, "VAE on multi-modal data", `misc/gmm_kld_derivation.pdf`.
    """

    direction = "upper"

    def _bound(self, mean, variance, mixture):
        return -tf.reduce_logsumexp(mixture.joint_log_probs(mean, variance), axis=-1)


@register
class MinKL(_MixtureBound):
    """min_k (KL_k − log w_k): that of the best single component. Source: Goldberger et al. (2003)."""

    direction = "upper"

    def _bound(self, mean, variance, mixture):
        return -tf.reduce_max(mixture.joint_log_probs(mean, variance), axis=-1)


@register
class ConvexityKL(_MixtureBound):
    """Σ_k w_k KL_k, which can be far too high: of one q and the components of p, or of the components of q and one p.

    The latter is for a mixture as posterior, `MixtureNormal`, with a Gaussian prior; it needs no draws.
    """

    direction = "upper"

    def __call__(self, q: Any, p: Any, z: Any = None) -> Any:
        if not isinstance(q, tfd.MixtureSameFamily):
            return super().__call__(q, p, z)
        each = exact_kl(q.components_distribution, p)
        if each is None:
            raise ValueError(
                f"There is no closed form of the KL from the components {type(q.components_distribution).__name__} to "
                f"{type(p).__name__}: choose MonteCarloKL."
            )
        weights = tf.nn.softmax(q.mixture_distribution.logits_parameter())
        return tf.reduce_sum(weights * each, axis=-1)

    def _bound(self, mean, variance, mixture):
        return -tf.reduce_sum(mixture.weights * mixture.component_log_probs(mean, variance), axis=-1)


@register
class ProductKL(_MixtureBound):
    """max(0, −H(q) − log Σ_k w_k N(μ; μ_k, v + v_k)), by Jensen's inequality for log p. Not to be trained on."""

    direction = "lower"

    def __call__(self, q: Any, p: Any, z: Any = None) -> Any:
        return tf.nn.relu(super().__call__(q, p, z))

    def _bound(self, mean, variance, mixture):
        # One dimension after the other, because v + v_k does not factorize and (B, K, D) is too much.
        columns = [tf.transpose(t) for t in (mean, variance, mixture.loc, tf.square(mixture.scale))]

        def add(total, column):
            mean, variance, loc, more = column
            spread = variance[:, None] + more
            return total - 0.5 * (tf.square(mean[:, None] - loc) / spread + tf.math.log(2 * math.pi * spread))

        start = tf.zeros([tf.shape(mean)[0], tf.shape(mixture.loc)[0]], mean.dtype)
        log_products = tf.foldl(add, columns, start, parallel_iterations=1)
        return -tf.reduce_logsumexp(tf.nn.log_softmax(mixture.logits) + log_products, axis=-1)


def as_estimator(kl: Any) -> Any:
    """`kl` as a function (q, p, z): a `KLEstimator`, its config, or None for `kl_divergence`."""
    kl = keras.saving.deserialize_keras_object(kl) if isinstance(kl, dict) else kl
    if kl is not None and not isinstance(kl, KLEstimator):
        raise TypeError(f"`kl` must be a `tfvae.divergences.KLEstimator`, but got {kl!r}.")
    return kl


def _as_multivariate_normal(d):
    """Independent normals as the multivariate normal they are, whose KL with other normals TFP registers."""
    normal = diagonal_normal(d)
    return d if normal is None else tfd.MultivariateNormalDiag(*normal)
