"""The documents' experiments. Importing them does not import TensorFlow: the command lists them at once."""

from tfvae.experiments.experiment import Experiment, all_experiments, find_experiment
from tfvae.experiments.gaussian_mixture import (
    GaussianMixtureExperiment,
    GaussianMixtureImproved,
    GaussianMixtureSweep,
)
from tfvae.experiments.haplotype_scale import HaplotypesScale
from tfvae.experiments.haplotypes import Haplotypes
from tfvae.experiments.keras_notebook import GreyValues, KerasNotebookMNIST, KerasNotebookSCurve, SCurveAnswer
from tfvae.experiments.mixture_prior import (
    MixturePriorCIFAR10,
    MixturePriorLatentSize,
    MixturePriorLikelihood,
    MixturePriorMNIST,
)
from tfvae.experiments.prior_comparison import MixturePosterior, MixturePriorStatic
from tfvae.experiments.study import Fit, Study

__all__ = [
    "Experiment",
    "Fit",
    "GaussianMixtureExperiment",
    "GaussianMixtureImproved",
    "GaussianMixtureSweep",
    "GreyValues",
    "Haplotypes",
    "HaplotypesScale",
    "KerasNotebookMNIST",
    "KerasNotebookSCurve",
    "MixturePosterior",
    "MixturePriorCIFAR10",
    "MixturePriorLatentSize",
    "MixturePriorLikelihood",
    "MixturePriorMNIST",
    "MixturePriorStatic",
    "SCurveAnswer",
    "Study",
    "all_experiments",
    "find_experiment",
]
