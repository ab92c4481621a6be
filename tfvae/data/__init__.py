"""Data sets: synthetic ones with a known density, and tables of the user's own."""

from tfvae.data.gaussian_mixture import (
    Dataset,
    GaussianMixture,
    document_mixture,
    gaussian_grid,
    gaussian_ring,
    random_mixture,
)

__all__ = [
    "Dataset",
    "GaussianMixture",
    "document_mixture",
    "gaussian_grid",
    "gaussian_ring",
    "random_mixture",
]
