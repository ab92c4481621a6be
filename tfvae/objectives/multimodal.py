"""Objectives of several modalities, which look at q(z|x_S) of subsets S."""

from typing import Any

import keras
import tensorflow as tf

from tfvae.divergences import kl_divergence
from tfvae.host.arguments import as_count
from tfvae.host.saving import register
from tfvae.host.schedules import at_step
from tfvae.host.seeds import next_seed, uniform
from tfvae.importance import log_px_z_where_there
from tfvae.objectives.objective import Draw, Objective, Terms, elbo_parts, expectation

_LAWS = ("independent", "size")


class _OfModalities(Objective):
    """Abstract: a loss of several modalities in training; outside it the negative ELBO of all that are there."""

    def terms(self, draw: Draw) -> Terms:
        if draw.subset is None:
            raise ValueError(f"{type(self).__name__} is for a MultimodalVAE.")
        if not draw.training:
            reconstruction = -_log_px(draw, draw.p, draw.log_shares)
            kl = _kl(draw.q, draw.prior, draw.z, draw.log_shares)
            return Terms(reconstruction + kl, elbo_parts(reconstruction, kl))
        reconstruction, kl = self._parts(draw)
        beta: Any = at_step(self.beta, draw.step)
        return Terms(reconstruction + beta * kl, elbo_parts(reconstruction, kl))

    def _parts(self, draw):
        """(reconstruction, KL) in training, `(B,)` each."""
        raise NotImplementedError(f"{type(self).__name__} must define `_parts(draw)`.")


class _OfSubsets(_OfModalities):
    """Abstract: one that draws a subset S of the modalities for each example.

    Args:
        beta: float >= 0 or a schedule, the weight of the KLs; see `Objective`.
        law: "independent", each modality is in S by a fair coin, so that all subsets are as likely, the empty one and the
            whole one too; or "size", as likely to have any number of modalities.
        seed: int or None, of the subsets.
    """

    def __init__(self, beta: Any = 1.0, law: str = "independent", *, seed: int | None = None, **kwargs: Any):
        super().__init__(beta, **kwargs)
        if law not in _LAWS:
            raise ValueError(f"`law` must be one of {', '.join(_LAWS)}, but got {law!r}.")
        self.law, self.seed = law, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def chosen(self, present: tf.Tensor) -> tf.Tensor:
        """S of each example as `(B, M)` booleans."""
        shape = tf.shape(present)
        u = uniform(tf.stack([shape[0], shape[1] + 1]), next_seed(self.seed_generator), tf.float32)
        share = 0.5 if self.law == "independent" else u[:, -1:]
        return (u[:, :-1] < share) & present

    def get_config(self) -> dict:
        return {**super().get_config(), "law": self.law, "seed": self.seed}


@register
class MaskedBound(_OfSubsets):
    """E_{q_S}[log p(x_S|z)] − β KL(q_S ‖ p) + E_q[log p(x_rest|z)] − β KL(q ‖ q_S), for subsets S that are drawn.

    The ELBO of what is in S, and of the rest given it with q_S as its prior. It is largest where q_S is the posterior, for
    every S. No bound of log p(x) for each example: E_q log q_S(z) / p(z|x_S) has no sign. It is one in the mean over the
    data where they follow the model and q is exact. Outside training the loss is the ELBO's, a bound.

    Source: Hirt et al., "Learning multi-modal generative models with permutation-invariant encoders and tighter variational
    objectives" (2024).
    """

    def _parts(self, draw):
        chosen = self.chosen(draw.present)
        q, z, log_shares = draw.subset(chosen)
        reconstruction = -_log_px(draw, draw.decode(z), log_shares, chosen) - _log_px(
            draw, draw.p, draw.log_shares, ~chosen
        )
        return reconstruction, _kl(q, draw.prior, z, log_shares) + _kl(draw.q, q, draw.z, draw.log_shares)


@register
class MixtureBound(_OfSubsets):
    """E_{q_S}[log p(x|z)] − β KL(q_S ‖ p) of all modalities, for subsets S that are drawn: a bound, and a loose one.

    Its gap grows with every modality that S lacks, and its best q_S is not the posterior.

    Source: Shi et al. (2019), Sutter et al. (2021) and Hirt et al. (2024), whose name this is; Daunhawer et al., "On the
    limitations of multimodal VAEs" (2022), for the gap.
    """

    def _parts(self, draw):
        q, z, log_shares = draw.subset(self.chosen(draw.present))
        return -_log_px(draw, draw.decode(z), log_shares), _kl(q, draw.prior, z, log_shares)


@register
class SubsampledELBO(_OfSubsets):
    """The mean of the ELBOs of all modalities, of each alone, and of some subsets that are drawn, each of what is in it.

    Every part is a bound of its own log p(x_S). Without the parts a product of experts does not learn each expert.

    Args:
        beta, law, seed: as of the other objectives of subsets.
        num_subsets: int >= 0, that are drawn.

    Source: Wu and Goodman, "Multimodal generative models for scalable weakly-supervised learning" (2018), who add the parts.
    """

    def __init__(self, beta: Any = 1.0, law: str = "independent", num_subsets: int = 1, **kwargs: Any):
        super().__init__(beta, law, **kwargs)
        self.num_subsets = as_count(num_subsets, "num_subsets", least=0)

    def _parts(self, draw):
        reconstruction, kl = (
            [-_log_px(draw, draw.p, draw.log_shares)],
            [_kl(draw.q, draw.prior, draw.z, draw.log_shares)],
        )
        subsets = [*_single(draw.present), *(self.chosen(draw.present) for _ in range(self.num_subsets))]
        for subset in subsets:
            q, z, log_shares = draw.subset(subset)
            reconstruction.append(-_log_px(draw, draw.decode(z), log_shares, subset))
            kl.append(_kl(q, draw.prior, z, log_shares))
        return tuple(tf.add_n(parts) / len(parts) for parts in (reconstruction, kl))

    def get_config(self) -> dict:
        return {**super().get_config(), "num_subsets": self.num_subsets}


@register
class TotalCorrelation(_OfModalities):
    """(M − a)/M E_q[log p(x|z)] − β {(1 − a) KL(q ‖ p) + (a/M) Σ_m KL(q ‖ q_m)}: MVTCAE's.

    M is the number of modalities that are there. Meant for a product of experts without the prior.

    Args:
        beta: float >= 0 or a schedule, the weight of the KLs.
        alpha: float a in [0, 1].

    Source: Hwang et al., "Multi-view representation learning via total correlation objective" (2021).
    """

    def __init__(self, beta: Any = 1.0, alpha: float = 5 / 6, **kwargs: Any):
        super().__init__(beta, **kwargs)
        if not 0 <= alpha <= 1:
            raise ValueError(f"`alpha` must be between 0 and 1, but got {alpha!r}.")
        self.alpha = float(alpha)

    def _parts(self, draw):
        number = tf.reduce_sum(tf.cast(draw.present, tf.float32), axis=1)
        apart = _sum_over_single(draw)
        reconstruction = -(number - self.alpha) / number * _log_px(draw, draw.p, draw.log_shares)
        kl = _kl(draw.q, draw.prior, draw.z, draw.log_shares)
        return reconstruction, (1 - self.alpha) * kl + self.alpha / number * apart

    def get_config(self) -> dict:
        return {**super().get_config(), "alpha": self.alpha}


@register
class JointAndSingle(_OfModalities):
    """The ELBO of all modalities − α Σ_m KL(q ‖ q_m), which teaches each q(z|x_m): JMVAE's.

    The KL in the logs has both. Meant for an aggregation that is a network.

    Args:
        beta: float >= 0 or a schedule, the weight of the KLs.
        alpha: float >= 0.

    Source: Suzuki, Nakayama and Matsuo, "Joint multimodal learning with deep generative models" (2016).
    """

    def __init__(self, beta: Any = 1.0, alpha: float = 0.1, **kwargs: Any):
        super().__init__(beta, **kwargs)
        if not alpha >= 0:
            raise ValueError(f"`alpha` must be at least 0, but got {alpha!r}.")
        self.alpha = float(alpha)

    def _parts(self, draw):
        kl = _kl(draw.q, draw.prior, draw.z, draw.log_shares)
        return -_log_px(draw, draw.p, draw.log_shares), kl + self.alpha * _sum_over_single(draw)

    def get_config(self) -> dict:
        return {**super().get_config(), "alpha": self.alpha}


def _log_px(draw, p, log_shares, subset=None):
    """E log p(x_S|z), `(B,)`, for p at z of these shares; of all that is there without a subset."""
    parts = [log_px_z_where_there(p[name], draw.x[name]) for name in p]
    if subset is not None:
        parts = [tf.where(subset[:, m], part, 0.0) for m, part in enumerate(parts)]
    return expectation(tf.add_n(parts), log_shares)


def _kl(q, p, z, log_shares):
    return expectation(kl_divergence(q, p, z), log_shares)


def _single(present):
    """Each modality alone as a subset."""
    return [present & (tf.range(present.shape[1]) == m) for m in range(present.shape[1])]


def _sum_over_single(draw):
    """Σ_m KL(q ‖ q_m) over the modalities that are there, `(B,)`."""
    total = 0.0
    for m, subset in enumerate(_single(draw.present)):
        q, _, _ = draw.subset(subset)
        total += tf.where(draw.present[:, m], _kl(draw.q, q, draw.z, draw.log_shares), 0.0)
    return total
