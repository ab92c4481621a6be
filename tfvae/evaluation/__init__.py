"""Measures of what a model has learned."""

from tfvae.evaluation.annealing import annealed_log_likelihood, bidirectional_log_likelihood
from tfvae.evaluation.collapse import LatentReport, latent_report
from tfvae.evaluation.features import density_and_coverage, frechet_distance, null_coverage, train_feature_network
from tfvae.evaluation.images import sharpness
from tfvae.evaluation.likelihood import nll_gap
from tfvae.evaluation.manifold import (
    collapse_gradient,
    collapsed_log_prob,
    curve_report,
    largest_eigenvalue,
    quadrature_log_prob,
)
from tfvae.evaluation.modes import ModeReport, component_assignment, mode_report, same_mode_share
from tfvae.evaluation.posteriors import interpolation_report, posterior_use
from tfvae.evaluation.tables import claims_table, summary_table
from tfvae.evaluation.two_sample import energy_distance, mmd2, sliced_wasserstein, two_sample_distances, two_sample_null

__all__ = [
    "LatentReport",
    "ModeReport",
    "annealed_log_likelihood",
    "bidirectional_log_likelihood",
    "claims_table",
    "collapse_gradient",
    "collapsed_log_prob",
    "component_assignment",
    "curve_report",
    "density_and_coverage",
    "energy_distance",
    "frechet_distance",
    "interpolation_report",
    "largest_eigenvalue",
    "latent_report",
    "mmd2",
    "mode_report",
    "nll_gap",
    "null_coverage",
    "posterior_use",
    "quadrature_log_prob",
    "same_mode_share",
    "sharpness",
    "sliced_wasserstein",
    "summary_table",
    "train_feature_network",
    "two_sample_distances",
    "two_sample_null",
]
