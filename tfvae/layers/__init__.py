"""TFP's distribution layers for Keras 3, with TFP's names, arguments and densities, and a few beyond TFP."""

from tfvae.layers.categorical_mixture import CategoricalMixtureOfOneHotCategorical
from tfvae.layers.distribution_layer import DistributionLambda, DistributionLayer
from tfvae.layers.independent import (
    IndependentBernoulli,
    IndependentContinuousBernoulli,
    IndependentDiscretizedLogistic,
    IndependentLogistic,
    IndependentNormal,
    IndependentPoisson,
)
from tfvae.layers.kl import KLDivergenceAddLoss, KLDivergenceRegularizer
from tfvae.layers.mixture import MixtureLogistic, MixtureNormal, MixtureSameFamily
from tfvae.layers.multivariate import MultivariateNormalTriL, OneHotCategorical
from tfvae.layers.scales import LearnedScale
from tfvae.layers.table import TableLikelihood
from tfvae.layers.variational import (
    ContinuousBernoulliVariationalLayer,
    GaussianVariationalLayer,
    MSEVariationalLayer,
    NormalSampling,
    ReconstructionOnlyVariationalLayer,
    VariationalLayer,
)

__all__ = [
    "CategoricalMixtureOfOneHotCategorical",
    "ContinuousBernoulliVariationalLayer",
    "DistributionLambda",
    "DistributionLayer",
    "GaussianVariationalLayer",
    "IndependentBernoulli",
    "IndependentContinuousBernoulli",
    "IndependentDiscretizedLogistic",
    "IndependentLogistic",
    "IndependentNormal",
    "IndependentPoisson",
    "KLDivergenceAddLoss",
    "KLDivergenceRegularizer",
    "LearnedScale",
    "MSEVariationalLayer",
    "MixtureLogistic",
    "MixtureNormal",
    "MixtureSameFamily",
    "MultivariateNormalTriL",
    "NormalSampling",
    "OneHotCategorical",
    "ReconstructionOnlyVariationalLayer",
    "TableLikelihood",
    "VariationalLayer",
]
