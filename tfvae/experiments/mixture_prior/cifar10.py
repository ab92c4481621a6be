"""Does the mixture help on photographs?"""

import dataclasses
from typing import Any, ClassVar

import numpy as np

import tfvae
from tfvae import evaluation, plots
from tfvae.data.images import load_images
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.mixture_prior.on_digits import narrow_mixture
from tfvae.experiments.mixture_prior.scoring import (
    LATENT_ROWS,
    MEASURES,
    evaluate,
    gains,
    words,
)
from tfvae.experiments.study import Fit, Study
from tfvae.host.lazy import Later

keras, tf = Later("keras"), Later("tensorflow")


@dataclasses.dataclass(frozen=True)
class MixturePriorCIFAR10(Study):
    """What the document could not show: photographs. Convolutions, discretized logistic, N(0, I) against a mixture."""

    name: ClassVar[str] = "mixture-prior-cifar10"
    summary: ClassVar[str] = "document 004's open question: does the mixture prior help on CIFAR-10?"
    codec: ClassVar[dict] = {"images": {"shape": [32, 32, 3], "binary": False}}
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 512, "num_test": 64, "epochs": 1, "num_samples": 10, "num_scored": 32,
                  "num_components": 10, "latent_dim": 8},
    }  # fmt: skip

    num_seeds: int = 1
    num_train: int = 50_000
    num_test: int = 10_000
    latent_dim: int = 64
    num_components: int = 500
    epochs: int = 20
    batch_size: int = 128
    num_scored: int = 1_000
    num_samples: int = 500

    def check(self) -> None:
        load_images("cifar10")

    def fits(self) -> list[Fit]:
        return [
            Fit(name, seed, lambda k=k, seed=seed: self._make(k, seed), "cifar10", self.epochs, self.batch_size)
            for name, k in (("standard", None), ("mixture", self.num_components))
            for seed in self.seeds()
        ]

    def _make(self, num_components, seed):
        prior = num_components and narrow_mixture(self.latent_dim, num_components, seed)
        steps = self.epochs * -(-self.num_train // self.batch_size)
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps))
        return tfvae.make_convolutional_vae((32, 32, 3), self.latent_dim, prior=prior, optimizer=optimizer)

    def execute(self, run: Any) -> None:
        """Both priors on photographs, in bits per dimension."""
        data = load_images("cifar10")
        train, test = data.x_train[: self.num_train], data.x_test[: self.num_test]
        dimensions = test[0].size

        def measure(model, history, fit):
            row = evaluate(run, model, fit, test, test[: self.num_scored], self.num_samples)
            row["bits_per_dimension"] = tfvae.importance.bits_per_dimension(-row["nll"], dimensions)
            row["active_units"] = evaluation.latent_report(model, test[:LATENT_ROWS], fit.seed).active_units
            return row

        models, histories, rows = run_fits(self, run, lambda fit: {"x": train}, measure)
        table = gains(run, rows, "standard")
        by = rows.groupby("variant").mean(numeric_only=True)
        claims = [
            {
                "document": "Success of the mixture on a more complicated data set like CIFAR-10 could not be demonstrated.",
                "measured": f"Bits per dimension {by.loc['standard', 'bits_per_dimension']:.4f} with N(0, I), "
                f"{by.loc['mixture', 'bits_per_dimension']:.4f} with the mixture: {words(table, 'mixture')} nats an image."
                + (" On JPEG copies: not comparable with published figures." if data.lossy else ""),
            }
        ]
        write_findings(run, rows, ["bits_per_dimension", *MEASURES, "active_units"], claims, gains=table)
        run.save_figure(
            "1-loss",
            plots.loss_curves(histories, title="Training, first seed"),
            "Training losses of the first seed. Dashed: validation.",
        )
        run.save_figure("2-data", plots.image_grid(test[:100], "Test images", 20), "What draws should look like.")
        for k, (name, model) in enumerate(models.items()):
            means = model.sample(100, seed=self.seed, mean=True)
            run.save_figure(
                f"{3 + k}-{name}",
                plots.image_grid(means, f"{name}: decoder means of 100 prior draws", 20),
                "Decoder means of draws of the prior: blurred, as a VAE's are.",
            )
            back = model.decode(model.encode(test[:50]).mean()).mean().numpy()
            pairs = np.concatenate([test[:50], back])
            run.save_figure(
                f"{5 + k}-{name}",
                plots.image_grid(pairs, f"{name}: images, and decoder means of their reconstructions", 25),
                "Test images, and below them what is left of each in its code.",
            )
