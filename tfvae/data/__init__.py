"""Data sets: synthetic ones with a known density, and tables of the user's own."""

from tfvae.data.gaussian_mixture import (
    Dataset,
    GaussianMixture,
    document_mixture,
    gaussian_grid,
    gaussian_ring,
    random_mixture,
)
from tfvae.data.images import Images, binarize, dynamically_binarized, load_image_folder, load_images
from tfvae.data.s_curve import SCurve, embed_features

__all__ = [
    "Dataset",
    "GaussianMixture",
    "Images",
    "SCurve",
    "binarize",
    "document_mixture",
    "dynamically_binarized",
    "embed_features",
    "gaussian_grid",
    "gaussian_ring",
    "load_image_folder",
    "load_images",
    "random_mixture",
]
