"""What the experiments on MNIST share."""

import abc
import dataclasses
from typing import ClassVar

from tfvae.data.images import load_images
from tfvae.experiments.study import Study


@dataclasses.dataclass(frozen=True)
class OnMNIST(Study, abc.ABC):
    """Abstract: a study of the document's network on MNIST."""

    codec: ClassVar[dict] = {"images": {"shape": [28, 28], "binary": False}}

    num_train: int = 60_000
    num_test: int = 10_000
    batch_size: int = 100

    def check(self):
        load_images("mnist")

    def data(self):
        """(`Images` with flat rows, those to train on, those to test on)."""
        images = load_images("mnist").flat()
        return images, images.x_train[: self.num_train], images.x_test[: self.num_test]
