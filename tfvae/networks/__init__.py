"""Networks without losses: functions that return models, and layers."""

from tfvae.networks.convolutional import convolutional_decoder, convolutional_encoder
from tfvae.networks.mlp import GatedDense, dense_layers, distribution_network

__all__ = ["GatedDense", "convolutional_decoder", "convolutional_encoder", "dense_layers", "distribution_network"]
