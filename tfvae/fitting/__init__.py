"""`tfvae fit`: a model for the user's own data, in a run directory."""

from tfvae.fitting.haplotypes import fit_haplotypes
from tfvae.fitting.images import fit_images
from tfvae.fitting.tables import fit_tables

__all__ = ["fit_haplotypes", "fit_images", "fit_tables"]
