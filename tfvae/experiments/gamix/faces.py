"""GAMIX-VAE on faces, against what one would do instead."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from tfvae.experiments.gamix.arms import ARMS
from tfvae.experiments.gamix.on_images import OnImages, Parts


@dataclasses.dataclass(frozen=True)
class GamixFaces(OnImages):
    """CelebA faces, every arm: the published model, what is left when each of its parts goes, and its peers."""

    name: ClassVar[str] = "gamix-faces"
    summary: ClassVar[str] = "document 001: does GAMIX-VAE give better faces than a VAE, and than its cheapest cure?"
    images: ClassVar[str] = "celeba-faces"
    presets: ClassVar[dict] = {"paper": {}, "quick": {**OnImages.presets["quick"], "image_size": 16}}

    arms: tuple[str, ...] = tuple(ARMS)
    num_seeds: int = 2
    num_train: int = 22_000
    num_test: int = 1_000
    image_size: int = 32

    @property
    def codec(self) -> dict:
        return {"images": {"shape": [self.image_size, self.image_size, 3], "binary": False}}

    def parts(self) -> Parts:
        parts = super().parts()
        scaled = {name: _scaled(getattr(parts, name), self.image_size) for name in ("train", "real", "others")}
        return parts._replace(**scaled)


def _scaled(images: np.ndarray, size: int) -> Any:
    """Images of half, a quarter, … of the size, by the mean of each square."""
    n, height, width, channels = images.shape
    by = height // size
    return images.reshape(n, height // by, by, width // by, by, channels).mean(axis=(2, 4), dtype="float32")
