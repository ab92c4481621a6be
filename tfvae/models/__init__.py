"""Models and the functions that make them."""

from tfvae.models.embedding_generator import EmbeddingGenerator
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
    "EmbeddingGenerator",
    "initialize_mixture_decoder",
    "make_dense_vae",
    "make_document_vae",
    "make_mixture_decoder_vae",
    "make_mse_vae",
]
