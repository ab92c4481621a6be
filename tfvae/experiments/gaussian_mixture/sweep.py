"""Number of components, width and KL weight."""

import dataclasses
from typing import ClassVar

import tfvae
from tfvae import layers
from tfvae.data.gaussian_mixture import four_gaussians
from tfvae.experiments.gaussian_mixture.on_mixture import OnMixture
from tfvae.experiments.study import Fit


@dataclasses.dataclass(frozen=True)
class GaussianMixtureSweep(OnMixture):
    """The document's other questions: how many components, which width, which KL weight."""

    name = "gaussian-mixture-sweep"
    summary = "document 000's other questions: number of components, width, KL weight, random reconstructions"
    few: ClassVar[dict] = {"components": (16,), "widths": (8,), "kl_weights": (0.1,)}
    presets: ClassVar[dict] = {"paper": {}, "quick": OnMixture.quick | few}

    components: tuple[int, ...] = (4, 8, 16, 32)
    widths: tuple[int, ...] = (8, 32, 128)
    kl_weights: tuple[float, ...] = (0.01, 0.1, 0.5, 1.0, 2.0)

    def fits(self) -> list[Fit]:
        def mixture(num_components=self.num_components, width=32, kl_weight=1.0):
            likelihood = layers.MixtureNormal(num_components, 2, "mean")
            return tfvae.make_tanh_vae(2, likelihood, width=width, kl_weight=kl_weight)

        def mse(kl_weight):
            return tfvae.make_tanh_vae(2, layers.IndependentNormal(2, "mean", scale=1.0), width=32, kl_weight=kl_weight)

        truth = four_gaussians()
        sweeps = [
            *(("components", k, lambda k=k: mixture(num_components=k)) for k in self.components),
            *(("width", w, lambda w=w: mixture(width=w)) for w in self.widths),
            *(("kl_weight_mixture", b, lambda b=b: mixture(kl_weight=b)) for b in self.kl_weights),
            *(("kl_weight_mse", b, lambda b=b: mse(b)) for b in self.kl_weights),
        ]
        return [
            Fit(f"{what}-{value}", seed, make, truth, self.epochs, self.batch_size, {what: value})
            for what, value, make in sweeps
            for seed in self.seeds()
        ]
