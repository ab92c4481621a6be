"""Networks without losses: functions that return layers."""

from tfvae.networks.mlp import dense_layers, distribution_network

__all__ = ["dense_layers", "distribution_network"]
