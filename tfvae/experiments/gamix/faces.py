"""GAMIX-VAE on faces, against what one would do instead."""

import dataclasses
import os
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tfvae.data.image_folder import ImageFolder
from tfvae.data.images import randomly_mirrored
from tfvae.experiments.gamix.arms import ARMS
from tfvae.experiments.gamix.on_images import OnImages, Parts
from tfvae.experiments.study import Fit
from tfvae.host.errors import UserError


@dataclasses.dataclass(frozen=True)
class GamixFaces(OnImages):
    """CelebA faces, every arm: the published model, what is left when each of its parts goes, and its peers."""

    name: ClassVar[str] = "gamix-faces"
    summary: ClassVar[str] = "document 001: does GAMIX-VAE give better faces than a VAE, and than its cheapest cure?"
    images: ClassVar[str] = "celeba-faces"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {**OnImages.presets["quick"], "image_size": 16},
        # For an accelerator: 24,000 of CelebA-HQ's images, as the published code trains on them.
        "published": {"folder": "celeba_hq_256", "image_size": 256, "width": 128, "latent_dim": 512, "batch_size": 10,
                      "learning_rate": 1e-4, "epochs": 200, "num_train": 24_000, "num_test": 3_000, "mirrored": True,
                      "arms": ("vae", "gamix"), "num_seeds": 1},
    }  # fmt: skip

    arms: tuple[str, ...] = tuple(ARMS)
    num_seeds: int = 2
    num_train: int = 22_000
    num_test: int = 1_000
    epochs: int = 6
    image_size: int = 32
    folder: str = ""  # of images in TFVAE_DATA, instead of the known set
    mirrored: bool = False  # left to right, each image by a coin in every epoch

    @property
    def codec(self) -> dict:
        return {"images": {"shape": [self.image_size, self.image_size, 3], "binary": False}}

    def check(self) -> None:
        if not self.folder and (self.image_size > 64 or 64 % self.image_size):
            raise UserError(
                f"The faces are of 64 × 64 pixels, which `image_size` must divide: {self.image_size} does not."
            )
        if self.folder:
            self._folder()
        else:
            super().check()

    def parts(self) -> Parts:
        if not self.folder:
            parts = super().parts()
            scaled = {name: _scaled(getattr(parts, name), self.image_size) for name in ("train", "real", "others")}
            return parts._replace(**scaled)
        folder, n = self._folder(), self.num_test
        rows = np.random.default_rng(0).permutation(len(folder))[: self.num_train + 2 * n]
        real, others, train = (folder.read(part) for part in np.split(rows, [n, 2 * n]))
        return Parts(train, None, real, others)

    def training_data(self, fit: Fit) -> Any:
        if not self.mirrored:
            return super().training_data(fit)
        return lambda epoch: randomly_mirrored(self.data.train, fit.batch_size, fit.seed, initial_epoch=epoch)

    def _folder(self):
        path = Path(os.environ.get("TFVAE_DATA") or "no folder") / self.folder
        if not path.is_dir():
            raise UserError(
                f"The faces are not here: set TFVAE_DATA to a folder that holds a folder {self.folder} of images."
            )
        folder = ImageFolder(path, (self.image_size, self.image_size), "rgb")
        if len(folder) <= 2 * self.num_test:
            raise UserError(f"{path} has {len(folder):,} images, but {2 * self.num_test:,} are held out: give it more.")
        return folder


def _scaled(images: np.ndarray, size: int) -> Any:
    """Images of half, a quarter, … of the size, by the mean of each square."""
    n, height, width, channels = images.shape
    by = height // size
    return images.reshape(n, height // by, by, width // by, by, channels).mean(axis=(2, 4), dtype="float32")
