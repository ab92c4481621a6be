"""Measures of what a model has learned."""

from tfvae.evaluation.collapse import LatentReport, latent_report
from tfvae.evaluation.likelihood import nll_gap
from tfvae.evaluation.modes import ModeReport, component_assignment, mode_report, same_mode_share
from tfvae.evaluation.tables import claims_table, summary_table
from tfvae.evaluation.two_sample import energy_distance, mmd2, sliced_wasserstein, two_sample_distances, two_sample_null

__all__ = [
    "LatentReport",
    "ModeReport",
    "claims_table",
    "component_assignment",
    "energy_distance",
    "latent_report",
    "mmd2",
    "mode_report",
    "nll_gap",
    "same_mode_share",
    "sliced_wasserstein",
    "summary_table",
    "two_sample_distances",
    "two_sample_null",
]
