"""The Poisson VAE's published table on digits."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfvae.data.images import load_images
from tfvae.experiments.poisson.table import PoissonTable


@dataclasses.dataclass(frozen=True)
class PoissonMNIST(PoissonTable):
    """MNIST as it is, 512 latents, one linear map each way: Poisson codes by draws and exactly, and their rivals."""

    name: ClassVar[str] = "poisson-mnist"
    summary: ClassVar[str] = "the Poisson VAE of document 001's page: its table on MNIST, one linear map each way"
    codec: ClassVar[dict] = {"images": {"shape": [28, 28], "binary": False}}
    published: ClassVar[dict] = {
        "exact": 41.5, "draws": 41.7, "gaussian": 40.7, "laplace": 42.1, "category": 39.7, "straight-through": 44.8,
    }  # fmt: skip
    side: ClassVar[int] = 28

    def check(self) -> None:
        load_images("mnist")

    def images(self) -> tuple[np.ndarray, np.ndarray]:
        found = load_images("mnist")
        return found.x_train[: self.num_train], found.x_test[: self.num_test]  # type: ignore[index]
