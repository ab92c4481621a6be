"""Models and the functions that make them."""

from tfvae.models.embedding_generator import EmbeddingGenerator
from tfvae.models.factories import (
    make_convolutional_vae,
    make_dense_vae,
    make_document_vae,
    make_manifold_vae,
    make_mixture_decoder_vae,
    make_mixture_prior_vae,
    make_mse_vae,
)
from tfvae.models.graph import layer_graph
from tfvae.models.haplotype_vae import HaplotypeRecipe, make_haplotype_vae
from tfvae.models.initialization import initialize_mixture_decoder, initialize_prior
from tfvae.models.restarts import Restarts
from tfvae.models.sections import SectionedVAE
from tfvae.models.vae import VAE
from tfvae.models.variational import as_vae, encoder_and_decoder, make_vae

__all__ = [
    "VAE",
    "EmbeddingGenerator",
    "HaplotypeRecipe",
    "Restarts",
    "SectionedVAE",
    "as_vae",
    "encoder_and_decoder",
    "initialize_mixture_decoder",
    "initialize_prior",
    "layer_graph",
    "make_convolutional_vae",
    "make_dense_vae",
    "make_document_vae",
    "make_haplotype_vae",
    "make_manifold_vae",
    "make_mixture_decoder_vae",
    "make_mixture_prior_vae",
    "make_mse_vae",
    "make_vae",
]
