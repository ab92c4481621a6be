"""Does the mixture matter more as the latent space grows?"""

import dataclasses
import functools
from typing import Any, ClassVar

import numpy as np

from tfvae import evaluation, plots
from tfvae.data.images import binarize, load_images
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.mixture_prior.on_digits import (
    OnDigits,
    both_priors,
    digits,
    digits_vae,
    dynamic,
)
from tfvae.experiments.mixture_prior.scoring import (
    MEASURES,
    TEST_SEED,
    draw_samples,
    evaluate,
    gains,
    pooled,
    words,
)
from tfvae.experiments.study import Fit
from tfvae.host.lazy import Later

keras, tf = Later("keras"), Later("tensorflow")


@dataclasses.dataclass(frozen=True)
class MixturePriorLatentSize(OnDigits):
    """The document's claim that the mixture matters more as the latent space grows: 784-300-300-D, both priors."""

    name: ClassVar[str] = "mixture-prior-latent-size"
    summary: ClassVar[str] = "document 004's claim: the mixture prior matters more as the latent space grows"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 1_000, "num_test": 300, "epochs": 1, "num_seeds": 1, "latent_dims": (2,),
                  "num_scored": 100, "num_samples": 20, "num_components": 20, "num_drawn": 200},
    }  # fmt: skip

    num_seeds: int = 3
    latent_dims: tuple = (2, 5, 10, 20, 40)
    num_components: int = 500
    epochs: int = 30
    num_scored: int = 2_000
    num_samples: int = 500
    num_drawn: int = 5_000

    def fits(self) -> list[Fit]:
        return both_priors(self, "dynamic", digits_vae)

    def execute(self, run: Any) -> None:
        """Both priors at growing latent sizes: likelihood, and samples beside reconstructions in a classifier's features."""
        train, test, _ = digits(self)
        scored, n = test[: self.num_scored], min(self.num_drawn, len(test) // 2)
        # Two random halves: MNIST's first 5000 test digits were written by other people than the last.
        real, others = np.split(test[np.random.default_rng(0).permutation(len(test))[: 2 * n]], 2)
        features = _Features(self)

        def measure(model, history, fit):
            row = evaluate(run, model, fit, test, scored, self.num_samples)
            drawn = {
                "samples": model.sample(n, seed=fit.seed),
                "reconstructions": model.reconstruct(others, fit.seed),
            }
            for what, images in drawn.items():
                row |= {f"{what}_{k}": v for k, v in features.compare(real, images).items()}
            return row

        models, _, rows = run_fits(self, run, lambda fit: {"x": dynamic(train, self.batch_size, fit.seed)}, measure)
        null = features.compare(real, others) | {"expected_coverage": evaluation.null_coverage(n, n), "images": n}
        null["held_out_accuracy"] = features.trained[1]
        measured = [f"{what}_{k}" for what in ("samples", "reconstructions") for k in ("fd_cnn", "density", "coverage")]
        table = [g for d in self.latent_dims for g in gains(run, rows[rows["latent_dim"] == d], f"standard-{d}")]
        by = rows.set_index("variant")
        few, many = min(self.latent_dims), max(self.latent_dims)
        claims = [
            {
                "document": "Multi-modality causes great pain at higher latent dimensions; the mixture overcomes it.",
                "measured": "Gain of the mixture in nats: "
                + "; ".join(f"{words(table, f'mixture-{d}')} at D = {d}" for d in self.latent_dims)
                + f". FD-cnn of samples with N(0, I) {by.loc[f'standard-{few}', 'samples_fd_cnn'].mean():.1f} "
                f"at D = {few} and "
                f"{by.loc[f'standard-{many}', 'samples_fd_cnn'].mean():.1f} at {many}; with the mixture "
                f"{by.loc[f'mixture-{few}', 'samples_fd_cnn'].mean():.1f} and "
                f"{by.loc[f'mixture-{many}', 'samples_fd_cnn'].mean():.1f} (real against real {null['fd_cnn']:.1f}).",
            }
        ]
        write_findings(run, rows, [*MEASURES, *measured], claims, gains=table, mean_gains=pooled(table), null=null)
        quantities = ("nll", "samples_fd_cnn", "samples_density", "samples_coverage")
        run.save_figure(
            "1-latent-size",
            plots.by_group(rows, "latent_dim", "prior", quantities, "Samples against latent size"),
            "Measures of draws against the latent size, one line a prior. The two should part as the latent space grows.",
        )
        quantities = ("kl", "reconstructions_fd_cnn", "reconstructions_density", "reconstructions_coverage")
        run.save_figure(
            "2-reconstructions",
            plots.by_group(rows, "latent_dim", "prior", quantities, "Reconstructions"),
            "The same of reconstructions, which no prior should change much.",
        )
        draw_samples(run, models, 3, 100, self.seed)


class _Features:
    """The classifier whose features FD-cnn, density and coverage are taken in; trained when it is first needed."""

    def __init__(self, study):
        self.study = study

    @functools.cached_property
    def trained(self):
        """(network, accuracy)."""
        data, n = load_images("mnist"), self.study.num_train
        x = binarize(data.x_train[:n], TEST_SEED + 1)
        return evaluation.train_feature_network(x, data.y_train[:n], seed=self.study.seed)

    def compare(self, real, images):
        network, _ = self.trained
        a, b = (network.predict(x.reshape(-1, 28, 28, 1), batch_size=500, verbose=0) for x in (real, images))
        density, coverage = evaluation.density_and_coverage(a, b)
        return {"fd_cnn": evaluation.frechet_distance(a, b), "density": density, "coverage": coverage}
