"""GAMIX-VAE on digits."""

import dataclasses
from typing import ClassVar

from tfvae.experiments.gamix.arms import MAIN
from tfvae.experiments.gamix.on_images import OnImages


@dataclasses.dataclass(frozen=True)
class GamixDigits(OnImages):
    """MNIST, the main arms."""

    name: ClassVar[str] = "gamix-digits"
    summary: ClassVar[str] = "document 001's claim on MNIST: GAMIX-VAE against a VAE and its peers"
    images: ClassVar[str] = "mnist"
    codec: ClassVar[dict] = {"images": {"shape": [28, 28, 1], "binary": False}}
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 256, "num_test": 64, "epochs": 1, "num_seeds": 1, "width": 4, "latent_dim": 8,
                  "num_components": 20, "feature_epochs": 1},
    }  # fmt: skip

    arms: tuple[str, ...] = MAIN
    latent_dim: int = 16
    num_test: int = 5_000
