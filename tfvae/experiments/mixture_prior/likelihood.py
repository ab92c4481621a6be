"""The perplexity that the document leaves out: both priors like for like."""

import dataclasses
from typing import Any, ClassVar

import tfvae
from tfvae import objectives
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.mixture_prior.on_digits import (
    OnDigits,
    digits,
    digits_vae,
    dynamic,
)
from tfvae.experiments.mixture_prior.scoring import (
    MEASURES,
    draw_gains,
    evaluate,
    gains,
    kl_table,
    pooled,
    words,
)
from tfvae.experiments.study import Fit
from tfvae.host.lazy import Later

keras, tf = Later("keras"), Later("tensorflow")


@dataclasses.dataclass(frozen=True)
class MixturePriorLikelihood(OnDigits):
    """Like for like: 784-300-300-10 ELU, N(0, I) against 500 components, dynamic binarization; and trained as IWAE.

    The network and budget of Stanford's CS236, homework 2, by the document's author, on the full test set.
    """

    name: ClassVar[str] = "mixture-prior-likelihood"
    summary: ClassVar[str] = "document 004's perplexity: both priors like for like, and with importance weighting"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 2_000, "num_test": 300, "epochs": 2, "num_seeds": 1, "num_scored": 100,
                  "num_samples": 20, "iwae_draws": 5, "num_components": 20},
    }  # fmt: skip

    num_seeds: int = 3
    latent_dim: int = 10
    num_components: int = 500
    epochs: int = 30
    num_scored: int = 2_000
    num_samples: int = 500
    iwae_draws: int = 50
    num_iwae_seeds: int = 1

    def fits(self) -> list[Fit]:
        arms = {
            "standard": (None, objectives.ELBO, self.num_seeds),
            "mixture-monte-carlo": (
                self.num_components,
                lambda: objectives.ELBO(kl=tfvae.divergences.MonteCarloKL()),
                self.num_seeds,
            ),
            "mixture-variational": (
                self.num_components,
                lambda: objectives.ELBO(kl=tfvae.divergences.VariationalKL()),
                self.num_seeds,
            ),
            "standard-iwae": (None, lambda: objectives.IWAE(self.iwae_draws), self.num_iwae_seeds),
            "mixture-iwae": (self.num_components, lambda: objectives.IWAE(self.iwae_draws), self.num_iwae_seeds),
        }
        return [
            Fit(
                name,
                seed,
                lambda k=k, objective=objective, seed=seed: digits_vae(self.latent_dim, k, seed, objective()),
                "dynamic",
                self.epochs,
                self.batch_size,
            )
            for name, (k, objective, count) in arms.items()
            for seed in list(self.seeds())[:count]
        ]

    def execute(self, run: Any) -> None:
        """Both priors at one network and budget, scored by importance sampling."""
        train, test, _ = digits(self)
        scored = test[: self.num_scored]
        models, histories, rows = run_fits(
            self,
            run,
            lambda fit: {"x": dynamic(train, self.batch_size, fit.seed)},
            lambda model, history, fit: evaluate(run, model, fit, test, scored, self.num_samples),
        )
        table = gains(run, rows, "standard")
        by = rows.groupby("variant").mean(numeric_only=True)["nll"]
        claims = [
            {
                "document": "Fairly confident that the perplexity will show a difference between the two priors.",
                "measured": f"NLL {by['standard']:.2f} with N(0, I), {by['mixture-monte-carlo']:.2f} with the mixture by "
                f"Monte Carlo, {by['mixture-variational']:.2f} by D_var. Paired gains, seed by seed: "
                f"{words(table, 'mixture-monte-carlo')} and {words(table, 'mixture-variational')} nats.",
            },
            {
                "document": "The combination with the importance-weighted autoencoder will produce valuable results.",
                "measured": f"Trained as IWAE with {self.iwae_draws} draws: {by['standard-iwae']:.2f} with N(0, I), "
                f"{by['mixture-iwae']:.2f} with the mixture; gains over N(0, I) trained by the ELBO "
                f"{words(table, 'standard-iwae')} and {words(table, 'mixture-iwae')} nats.",
            },
        ]
        estimators = kl_table(models["mixture-variational"], scored, self.seed)
        write_findings(run, rows, MEASURES, claims, gains=table, mean_gains=pooled(table), kl_estimators=estimators)
        draw_gains(run, histories, table, models, self.seed)
