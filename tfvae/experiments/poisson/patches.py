"""The Poisson VAE on natural images: sparse coding."""

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from tfvae import plots
from tfvae.data.patches import load_patches
from tfvae.experiments.poisson.inference import compare_inference
from tfvae.experiments.poisson.table import PoissonTable
from tfvae.experiments.study import Fit


@dataclasses.dataclass(frozen=True)
class PoissonPatches(PoissonTable):
    """Whitened patches of 16 × 16, test patches from pictures of their own; weights of the KL; inference for each patch.

    The document's patches were whitened by another filter than Olshausen and Field's (its code multiplies an unshifted
    filter with an unshifted spectrum), so that its order of arms can be compared, and not its numbers.
    """

    name: ClassVar[str] = "poisson-patches"
    summary: ClassVar[str] = (
        "the Poisson VAE on natural images: dictionaries, weights of the KL, inference for each patch"
    )
    published: ClassVar[dict] = {
        "exact": 168.0, "draws": 167.2, "gaussian": 160.3, "laplace": 167.3, "category": 170.5, "straight-through": 179.3,
    }  # fmt: skip
    side: ClassVar[int] = 16

    arms: tuple[str, ...] = ("exact", "gaussian", "laplace", "category", "draws", "straight-through")
    weights: tuple[float, ...] = (0.01, 0.2, 0.4, 0.6, 0.8, 1.5, 4.0)  # of the KL, of draws at the first seed
    num_train: int = 48_600
    num_test: int = 12_000
    batch_size: int = 1_000
    epochs: int = 200
    learning_rate: float = 0.005
    num_inferred: int = 1_000
    steps: tuple[int, ...] = (10, 30, 100, 300)
    penalties: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
    presets: ClassVar[dict] = {
        **PoissonTable.presets,
        "quick": PoissonTable.presets["quick"] | {"weights": (0.2,), "num_inferred": 50, "steps": (5,),
                                                  "penalties": (1.0,)},
    }  # fmt: skip

    def check(self) -> None:
        load_patches()

    def images(self) -> tuple[np.ndarray, np.ndarray]:
        train, test = load_patches()
        return train[: self.num_train], test[: self.num_test]

    def fits(self) -> list[Fit]:
        return super().fits() + [self.fit_of(f"draws@{weight:g}", self.seed) for weight in self.weights]

    def more_findings(self, run: Any, models: dict, rows: Any, test: np.ndarray) -> dict:
        """What the KL's weight does to sparsity, and how inference for each patch compares with the exact arm's encoder."""
        swept = rows[(rows["variant"].str.split("@").str[0] == "draws") & (rows["seed"] == self.seed)]
        run.save_figure(
            "0-weights",
            plots.sweep(swept, "weight", ("mean_squared_error", "sparsity", "kl")),
            "Squared error of the mean's reconstruction, sparsity and KL by the KL's weight, of the arm `draws`.",
        )
        if "exact" not in models:
            return {}
        x = test[: self.num_inferred]
        constant = 0.5 * x[0].size * math.log(math.pi)
        inference = compare_inference(models["exact"], x, constant, self.steps, self.penalties)
        run.save_figure(
            "0-inference",
            plots.trade_off(inference, "sparsity", "squared_error", "inference"),
            "Squared error and sparsity of the codes of the same test patches, on one dictionary.",
        )
        return {"inference": inference}
