"""Data sets: synthetic ones with a known density, and tables of the user's own."""

from tfvae.data.gaussian_mixture import (
    Dataset,
    GaussianMixture,
    document_mixture,
    gaussian_grid,
    gaussian_ring,
    random_mixture,
)
from tfvae.data.haplotypes import Haplotypes, HaplotypeStore, load_haplotypes
from tfvae.data.images import Images, binarize, dynamically_binarized, load_image_folder, load_images
from tfvae.data.s_curve import SCurve, embed_features
from tfvae.data.sections import make_sections, parse_sections
from tfvae.data.simulation import simulate_haplotypes
from tfvae.data.vcf_writer import write_vcf

__all__ = [
    "Dataset",
    "GaussianMixture",
    "HaplotypeStore",
    "Haplotypes",
    "Images",
    "SCurve",
    "binarize",
    "document_mixture",
    "dynamically_binarized",
    "embed_features",
    "gaussian_grid",
    "gaussian_ring",
    "load_haplotypes",
    "load_image_folder",
    "load_images",
    "make_sections",
    "parse_sections",
    "random_mixture",
    "simulate_haplotypes",
    "write_vcf",
]
