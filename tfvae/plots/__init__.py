"""Arrays in, matplotlib figures out. Nothing here knows a model."""

from tfvae.plots.curves import (
    beta_densities,
    curves_learned,
    encoder_decoder,
    latent_scatter,
    likelihood_by_variance,
    log_normalizer,
    manifold_codes,
)
from tfvae.plots.graph import layer_boxes
from tfvae.plots.haplotypes import decay_curves, frequency_scatter, overlay_panels, share_bars
from tfvae.plots.images import image_grid, tiled
from tfvae.plots.samples import density_contours, displot, labelled_scatter, scatter_panels
from tfvae.plots.tables import column_histograms
from tfvae.plots.training import by_group, gains, loss_curves, sweep

__all__ = [
    "beta_densities",
    "by_group",
    "column_histograms",
    "curves_learned",
    "decay_curves",
    "density_contours",
    "displot",
    "encoder_decoder",
    "frequency_scatter",
    "gains",
    "image_grid",
    "labelled_scatter",
    "latent_scatter",
    "layer_boxes",
    "likelihood_by_variance",
    "log_normalizer",
    "loss_curves",
    "manifold_codes",
    "overlay_panels",
    "scatter_panels",
    "share_bars",
    "sweep",
    "tiled",
]
