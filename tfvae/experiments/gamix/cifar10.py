"""GAMIX-VAE on photographs."""

import dataclasses
from typing import ClassVar

from tfvae.experiments.gamix.arms import MAIN
from tfvae.experiments.gamix.on_images import OnImages


@dataclasses.dataclass(frozen=True)
class GamixCIFAR10(OnImages):
    """CIFAR-10, the main arms."""

    name: ClassVar[str] = "gamix-cifar10"
    summary: ClassVar[str] = "document 001's claim on CIFAR-10: GAMIX-VAE against a VAE and its peers"
    images: ClassVar[str] = "cifar10"
    codec: ClassVar[dict] = {"images": {"shape": [32, 32, 3], "binary": False}}
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 256, "num_test": 64, "epochs": 1, "num_seeds": 1, "width": 4, "latent_dim": 8,
                  "num_components": 20, "feature_epochs": 1},
    }  # fmt: skip

    arms: tuple[str, ...] = MAIN
