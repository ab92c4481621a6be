"""A mixture of Gaussians with full covariances as prior, fitted and not trained."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.distributions.full_mixture import FullNormalMixture
from tfvae.host.saving import register
from tfvae.priors.components import check_components, check_points
from tfvae.priors.prior import Prior

_NEVER = -100.0  # the logit of a component that is not used


@register
class FullMixturePrior(Prior):
    """p(z) = Σ_k w_k N(z; μ_k, S_k), which `start_at` fits to codes by expectation-maximization; gradients leave it alone.

    Until then it is N(0, I), K times.

    Args:
        event_shape: shape of one z, `(D,)` or D.
        num_components: int K >= 1.

    Source: Ghosh et al., "From variational to deterministic autoencoders" (2020), whose ex-post density it is.
    """

    def __init__(self, event_shape: Any, num_components: int = 10, **kwargs: Any):
        super().__init__(event_shape, **kwargs)
        self.num_components = check_components(self, num_components)
        k, d = self.num_components, self.event_shape[0]
        self.logits = self._fixed("logits", (k,))
        self.loc = self._fixed("loc", (k, d))
        self.scale_tril = self._fixed("scale_tril", (k, d, d))
        self.scale_tril.assign(np.tile(np.eye(d), (k, 1, 1)))

    def _fixed(self, name, shape):
        return self.add_weight(name=name, shape=shape, initializer="zeros", trainable=False)

    @property
    def num_terms(self) -> int:
        return self.num_components * self.event_shape[0]

    def distribution(self) -> Any:
        logits, loc, tril = (tf.convert_to_tensor(v) for v in (self.logits, self.loc, self.scale_tril))
        return FullNormalMixture(logits, loc, tril)

    def start_at(self, z: Any, seed: int = 0) -> None:
        """Fits the mixture to points z, `(n, D)`, by scikit-learn's `GaussianMixture`.

        Raises:
            ValueError: for fewer points than components, points of another shape, or NaN.
        """
        from sklearn.mixture import GaussianMixture

        z = check_points(self, z, max(2, self.num_components), self.event_shape).astype("float64")
        floor = 1e-6 * max(float(z.var(axis=0).mean()), 1e-12)  # of the variances, in the codes' own units
        found = GaussianMixture(self.num_components, reg_covar=floor, random_state=seed).fit(z)
        self.assign(found.weights_, found.means_, found.covariances_)

    def assign(self, weights: Any, means: Any, covariances: Any) -> None:
        """Sets the components, `(k,)`, `(k, D)` and `(k, D, D)` with k <= K; the others are never drawn."""
        self.started = True
        spare = self.num_components - len(weights)
        eye = np.tile(np.eye(self.event_shape[0]), (spare, 1, 1))
        self.logits.assign(np.concatenate([np.log(weights), np.full(spare, _NEVER)]))
        self.loc.assign(np.concatenate([means, np.zeros([spare, self.event_shape[0]])]))
        self.scale_tril.assign(np.concatenate([np.linalg.cholesky(covariances), eye]))

    def get_config(self) -> dict:
        return {**super().get_config(), "num_components": self.num_components}
