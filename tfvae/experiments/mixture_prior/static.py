"""Five priors on the published benchmark."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

import tfvae
from tfvae import layers, objectives, priors, training
from tfvae.data.images import load_images
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.mixture_prior.on_digits import (
    PIXELS,
    OnDigits,
    narrow_mixture,
)
from tfvae.experiments.mixture_prior.scoring import (
    MEASURES,
    draw_gains,
    evaluate,
    gains,
    words,
)
from tfvae.experiments.study import Fit
from tfvae.host.lazy import Later

keras, tf = Later("keras"), Later("tensorflow")


@dataclasses.dataclass(frozen=True)
class MixturePriorStatic(OnDigits):
    """The published benchmark: 784-300-300-40 gated, static binarization, 5000 importance samples, five priors.

    The VampPrior's network and data. Shorter than its 2000 epochs: Adam whose rate falls to 0 along a cosine, a KL warm-up,
    the weights of the best validation loss.
    """

    name: ClassVar[str] = "mixture-prior-static"
    summary: ClassVar[str] = "static MNIST with 5000 importance samples: standard, mixture, VampPrior, exemplar, flow"
    images: ClassVar[str] = "binarized-mnist"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 1_000, "num_valid": 200, "num_test": 100, "epochs": 2, "warm_up_epochs": 1,
                  "priors": ("standard", "vamp"), "num_components": 20, "num_samples": 20},
    }  # fmt: skip

    num_seeds: int = 1
    num_valid: int = 10_000
    priors: tuple = ("standard", "mixture", "vamp", "flow", "exemplar")
    latent_dim: int = 40
    num_components: int = 500
    epochs: int = 120
    warm_up_epochs: int = 20
    patience: int = 50
    learning_rate: float = 1e-3
    batch_size: int = 200
    num_samples: int = 5_000
    scored_neighbors: int = 1_000

    def fits(self) -> list[Fit]:
        return [
            Fit(
                prior,
                seed,
                lambda prior=prior, seed=seed: self._make(prior, seed),
                "static",
                self.epochs,
                self.batch_size,
            )
            for prior in self.priors
            for seed in self.seeds()
        ]

    def _make(self, name, seed):
        size = self.latent_dim
        prior = {
            "standard": lambda: None,
            "mixture": lambda: narrow_mixture(size, self.num_components, seed),
            "flow": lambda: priors.FlowPrior(size, seed=seed),
            "vamp": lambda: priors.VampPrior(size, self.num_components, PIXELS, seed=seed),
            "exemplar": lambda: priors.ExemplarPrior(
                size, self.num_train, PIXELS, scored_neighbors=self.scored_neighbors, binary=True
            ),
        }[name]()
        if name == "exemplar":
            prior.start_at(load_images(self.images).flat().x_train[: self.num_train])
        schedule = keras.optimizers.schedules.CosineDecay(self.learning_rate, self.num_steps(self.epochs))
        return tfvae.make_dense_vae(
            PIXELS,
            size,
            (300, 300),
            prior=prior,
            likelihood=layers.IndependentBernoulli(PIXELS, "mean", name="likelihood"),
            activations="gated",
            objective=objectives.ELBO(training.LinearWarmUp(self.num_steps(self.warm_up_epochs))),
            optimizer=keras.optimizers.Adam(schedule),
        )

    def execute(self, run: Any) -> None:
        """Five priors on the published benchmark."""
        data = load_images(self.images).flat()
        train, valid = data.x_train[: self.num_train], data.x_valid[: self.num_valid]
        order = np.random.default_rng(0).permutation(len(data.x_test))  # they are sorted by digit
        test = data.x_test[order[: self.num_test]]

        def arguments(fit):
            stopping = keras.callbacks.EarlyStopping("val_loss", patience=self.patience, restore_best_weights=True)
            return {"x": train, "validation_data": valid, "callbacks": [stopping], "checkpoint_seconds": 120}

        def measure(model, history, fit):
            row = {"epochs_trained": len(history), "best_val_loss": float(history["val_loss"].min())}
            if isinstance(
                model.prior, priors.ExemplarPrior
            ):  # what the neighbors alone miss of log p(z), exactly, on a few
                q = model.encode(test[:200]).distribution
                z = q.sample(seed=fit.seed)
                row["retrieval_loss"] = float(np.mean(model.prior.log_prob(z) - model.prior.near(q).log_prob(z)))
            return row | evaluate(run, model, fit, test, test, self.num_samples)

        models, histories, rows = run_fits(self, run, arguments, measure)
        table = gains(run, rows, "standard")
        by = rows.groupby("variant").mean(numeric_only=True)["nll"]
        claims = [
            {
                "document": "VampPrior (Tomczak and Welling 2018), 2000 epochs: 85.57 with the VampPrior; "
                "88.56 with N(0, I) (unverified).",
                "measured": f"{self.epochs} epochs: " + ", ".join(f"{by[p]:.2f} {p}" for p in self.priors) + "; gains over "
                "N(0, I): " + ", ".join(f"{words(table, p)} {p}" for p in self.priors if p != "standard") + " nats.",
            }
        ]  # fmt: skip
        write_findings(run, rows, [*MEASURES, "epochs_trained", "retrieval_loss"], claims, gains=table)
        draw_gains(run, histories, table, models, self.seed)
