"""`tfvae fit`: a model for the user's own data, in a run directory."""

from tfvae.fitting.images import fit_images
from tfvae.fitting.tables import fit_tables

__all__ = ["fit_images", "fit_tables"]
