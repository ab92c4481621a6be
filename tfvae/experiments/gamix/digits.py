"""GAMIX-VAE on digits."""

import dataclasses
from typing import ClassVar

from tfvae.experiments.gamix.on_images import OnImages


@dataclasses.dataclass(frozen=True)
class GamixDigits(OnImages):
    """MNIST, the main arms."""

    name: ClassVar[str] = "gamix-digits"
    summary: ClassVar[str] = "document 001's claim on MNIST: GAMIX-VAE against a VAE and its peers"
    images: ClassVar[str] = "mnist"
    codec: ClassVar[dict] = {"images": {"shape": [28, 28, 1], "binary": False}}

    latent_dim: int = 16
    num_train: int = 30_000
    num_test: int = 5_000
    epochs: int = 4
