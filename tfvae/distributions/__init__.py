"""Our own `tfd.Distribution`s."""

from tfvae.distributions.bernoulli import LogitsBernoulli
from tfvae.distributions.continuous_bernoulli import continuous_bernoulli_log_normalizer
from tfvae.distributions.discretized_logistic import DiscretizedLogistic
from tfvae.distributions.mixtures import (
    DiagonalNormalMixture,
    LocalNormalMixture,
    as_diagonal_mixture,
    diagonal_normal,
)
from tfvae.distributions.unfolded import Unfolded

__all__ = [
    "DiagonalNormalMixture",
    "DiscretizedLogistic",
    "LocalNormalMixture",
    "LogitsBernoulli",
    "Unfolded",
    "as_diagonal_mixture",
    "continuous_bernoulli_log_normalizer",
    "diagonal_normal",
]
