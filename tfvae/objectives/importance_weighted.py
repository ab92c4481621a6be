"""Bounds on log p(x) from importance weights w = p(x|z) p(z) / q(z|x): reductions of the same log w."""

from typing import Any

import tensorflow as tf

from tfvae.host.arguments import as_count
from tfvae.host.saving import register
from tfvae.host.schedules import at_step
from tfvae.importance import log_px_z
from tfvae.objectives.objective import Draw, Objective, Terms, elbo_parts, expectation


def log_mean_exp(log_w, log_shares=None):
    """log Σ_s exp(log share_s + log w_s) over the first axis; the shares are equal where none are given."""
    if log_shares is None:
        return tf.reduce_logsumexp(log_w, axis=0) - tf.math.log(tf.cast(tf.shape(log_w)[0], log_w.dtype))
    return tf.reduce_logsumexp(log_w + log_shares, axis=0)


class ImportanceWeighted(Objective):
    """Abstract: loss = −bound(log w), for log w of shape `(S, B)`.

    `reconstruction` and `kl` are means over the draws, so that a log shows the ELBO's parts beside the tighter bound. In
    training log w = log p(x|z) + β (log p(z) − log q(z|x)).
    """

    def terms(self, draw: Draw) -> Terms:
        likelihood, kl = self.densities(draw)
        log_w = likelihood - (at_step(self.beta, draw.step) if draw.training else 1.0) * kl
        shares = draw.log_shares
        metrics = elbo_parts(-expectation(likelihood, shares), expectation(kl, shares))
        return Terms(-self.bound(log_w, shares), metrics)

    @staticmethod
    def densities(draw: Draw) -> tuple[tf.Tensor, tf.Tensor]:
        """log p(x|z) and log q(z|x) − log p(z), each `(S, B)`."""
        likelihood, kl = log_px_z(draw.p, draw.x), draw.q.log_prob(draw.z) - draw.prior.log_prob(draw.z)
        return (likelihood, kl) if likelihood.shape.rank == 2 else (likelihood[None], kl[None])

    def bound(self, log_w, log_shares):
        """The bound on log p(x), `(B,)`, of log weights `(S, B)`."""
        raise NotImplementedError(f"{type(self).__name__} must define `bound`.")


@register
class IWAE(ImportanceWeighted):
    """log (1/S) Σ_s w_s, which rises with S from the ELBO, at S = 1, to log p(x).

    Args:
        num_draws: int S >= 1.
        beta: see `Objective`.

    Source: Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders" (2016).
    """

    def __init__(self, num_draws: int = 50, *, beta: Any = 1.0, **kwargs: Any):
        super().__init__(beta, **kwargs)
        self.num_draws = as_count(num_draws, "num_draws")

    def bound(self, log_w: tf.Tensor, log_shares: tf.Tensor | None) -> Any:
        return log_mean_exp(log_w, log_shares)

    def get_config(self) -> dict:
        return {**super().get_config(), "num_draws": self.num_draws}


@register
class CIWAE(IWAE):
    """A convex combination: elbo_share · ELBO + (1 − elbo_share) · IWAE, of the same draws.

    Args:
        num_draws: int S >= 1.
        elbo_share: float in [0, 1].
        beta: see `Objective`.

    Source: Rainforth et al., "Tighter variational bounds are not necessarily better" (2018).
    """

    def __init__(self, num_draws: int = 50, elbo_share: float = 0.5, *, beta: Any = 1.0, **kwargs: Any):
        super().__init__(num_draws, beta=beta, **kwargs)
        if not 0 <= elbo_share <= 1:
            raise ValueError(f"`elbo_share` must be within [0, 1], but got {elbo_share!r}.")
        self.elbo_share = float(elbo_share)

    def bound(self, log_w: tf.Tensor, log_shares: tf.Tensor | None) -> Any:
        mean = expectation(log_w, log_shares)
        return self.elbo_share * mean + (1 - self.elbo_share) * log_mean_exp(log_w, log_shares)

    def get_config(self) -> dict:
        return {**super().get_config(), "elbo_share": self.elbo_share}


class Grouped(ImportanceWeighted):
    """Abstract: M groups of K draws.

    Args:
        num_groups: int M >= 1.
        group_size: int K >= 1.
        beta: see `Objective`.
    """

    def __init__(self, num_groups: int = 5, group_size: int = 10, *, beta: Any = 1.0, **kwargs):
        super().__init__(beta, **kwargs)
        self.num_groups = as_count(num_groups, "num_groups")
        self.group_size = as_count(group_size, "group_size")
        self.num_draws = self.num_groups * self.group_size

    def grouped(self, log_w):
        """`(M K, B)` as `(K, M, B)`."""
        groups = tf.reshape(log_w, [self.num_groups, self.group_size, -1])
        return tf.transpose(groups, [1, 0, 2])

    def get_config(self):
        return {**super().get_config(), "num_groups": self.num_groups, "group_size": self.group_size}


@register
class MIWAE(Grouped):
    """The mean of M bounds IWAE(K): less tight than IWAE(M K), with less noise in the encoder's gradient.

    Source: Rainforth et al., "Tighter variational bounds are not necessarily better" (2018).
    """

    def bound(self, log_w: tf.Tensor, log_shares: tf.Tensor | None) -> Any:
        if log_shares is not None:
            raise ValueError("MIWAE needs draws of equal shares, but the posterior draws one from each component.")
        return tf.reduce_mean(log_mean_exp(self.grouped(log_w)), axis=0)
