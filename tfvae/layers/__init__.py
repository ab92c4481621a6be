"""TFP's distribution layers for Keras 3, with TFP's names, arguments and densities, and a few beyond TFP."""

from tfvae.layers.distribution_layer import DistributionLambda, DistributionLayer
from tfvae.layers.independent import (
    IndependentBernoulli,
    IndependentContinuousBernoulli,
    IndependentLogistic,
    IndependentNormal,
    IndependentPoisson,
)
from tfvae.layers.kl import KLDivergenceAddLoss, KLDivergenceRegularizer
from tfvae.layers.mixture import (
    CategoricalMixtureOfOneHotCategorical,
    MixtureLogistic,
    MixtureNormal,
    MixtureSameFamily,
)
from tfvae.layers.multivariate import MultivariateNormalTriL, OneHotCategorical
from tfvae.layers.scales import LearnedScale
from tfvae.layers.table import TableLikelihood

__all__ = [
    "CategoricalMixtureOfOneHotCategorical",
    "DistributionLambda",
    "DistributionLayer",
    "IndependentBernoulli",
    "IndependentContinuousBernoulli",
    "IndependentLogistic",
    "IndependentNormal",
    "IndependentPoisson",
    "KLDivergenceAddLoss",
    "KLDivergenceRegularizer",
    "LearnedScale",
    "MixtureLogistic",
    "MixtureNormal",
    "MixtureSameFamily",
    "MultivariateNormalTriL",
    "OneHotCategorical",
    "TableLikelihood",
]
