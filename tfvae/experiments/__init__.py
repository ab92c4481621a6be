"""The documents' experiments. Importing them does not import TensorFlow: the command lists them at once."""

from tfvae.experiments.experiment import Experiment, all_experiments, find_experiment
from tfvae.experiments.gaussian_mixture import (
    GaussianMixtureExperiment,
    GaussianMixtureImproved,
    GaussianMixtureSweep,
)

__all__ = [
    "Experiment",
    "GaussianMixtureExperiment",
    "GaussianMixtureImproved",
    "GaussianMixtureSweep",
    "all_experiments",
    "find_experiment",
]
