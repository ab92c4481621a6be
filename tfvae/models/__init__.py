"""Models and the functions that make them."""

from tfvae.models.factories import (
    initialize_mixture_decoder,
    make_dense_vae,
    make_document_vae,
    make_mixture_decoder_vae,
    make_mse_vae,
)
from tfvae.models.vae import VAE

__all__ = [
    "VAE",
    "initialize_mixture_decoder",
    "make_dense_vae",
    "make_document_vae",
    "make_mixture_decoder_vae",
    "make_mse_vae",
]
