"""A mixture as prior, as posterior, or as both."""

import dataclasses
from typing import Any, ClassVar

import tfvae
from tfvae import evaluation, layers, plots, priors
from tfvae.data.gaussian_mixture import GaussianMixture, four_gaussians, gaussian_grid
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.mixture_prior.on_digits import (
    OnDigits,
    digits,
    digits_vae,
    dynamic,
)
from tfvae.experiments.mixture_prior.scoring import (
    LATENT_ROWS,
    MEASURES,
    draw_samples,
    evaluate,
    gains,
    pooled,
)
from tfvae.experiments.study import Fit
from tfvae.host.lazy import Later

keras, tf = Later("keras"), Later("tensorflow")


@dataclasses.dataclass(frozen=True)
class MixturePosterior(OnDigits):
    """The document's other choice: mixtures as prior only, as posterior only, as both; in the plane and on digits.

    The posterior's gradient is stratified on all data, and in the plane also by implicit reparameterization.
    """

    name: ClassVar[str] = "mixture-posterior"
    summary: ClassVar[str] = "document 004's question: a mixture as prior, as posterior, or as both"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_seeds": 1, "num_train": 500, "num_test": 200, "planes": ("four",), "num_points": 2_000,
                  "plane_epochs": 1, "epochs": 1, "num_scored": 100, "num_samples": 20, "num_pairs": 20},
    }  # fmt: skip

    num_seeds: int = 3
    num_components: int = 500
    posterior_components: int = 5
    planes: tuple = ("four", "grid")
    epochs: int = 20
    num_points: int = 100_000
    plane_epochs: int = 10
    plane_components: int = 16
    num_scored: int = 2_000
    num_samples: int = 500
    num_pairs: int = 500

    def fits(self) -> list[Fit]:
        known = {"four": four_gaussians, "grid": gaussian_grid}
        arms = {"standard": (False, None), "prior": (True, None), "posterior": (False, "stratified"),
                "both": (True, "stratified"), "posterior-implicit": (False, "implicit")}  # fmt: skip
        in_plane = [
            Fit(
                f"{data}-{arm}",
                seed,
                lambda truth=truth, prior=prior, how=how, seed=seed: self._in_plane(truth, prior, how, seed),
                truth,
                self.plane_epochs,
                100,
                {"data": data, "arm": arm},
            )
            for data, truth in ((name, known[name]()) for name in self.planes)
            for arm, (prior, how) in arms.items()
            for seed in self.seeds()
        ]
        on_digits = [
            Fit(
                f"mnist-{arm}",
                seed,
                lambda prior=prior, how=how, seed=seed: digits_vae(
                    10, self.num_components if prior else None, seed, posterior=self._posterior(10, how)
                ),
                "dynamic",
                self.epochs,
                self.batch_size,
                {"data": "mnist", "arm": arm},
            )
            for arm, (prior, how) in arms.items()
            if how != "implicit"
            for seed in self.seeds()
        ]
        return in_plane + on_digits

    def _posterior(self, dimension, how):
        if how is None:
            return None
        stratified = how == "stratified"
        return layers.MixtureNormal(
            self.posterior_components, dimension, epsilon=1e-3, stratified=stratified, name="posterior"
        )

    def _in_plane(self, truth, mixture_prior, how, seed):
        """Two latent dimensions for data in the plane, and a learned scale, as in what cures document 000."""
        spread = float(truth.sample(20_000, seed=seed).std())
        prior = None
        if mixture_prior:
            k = max(self.plane_components, 2 * truth.num_modes)
            prior = priors.MixturePrior(2, k, initializer=priors.RandomComponents(3.0, 0.5), epsilon=1e-3, seed=seed)
        likelihood = layers.IndependentNormal(
            2, "mean", scale=layers.LearnedScale(initial=0.35 * spread, floor=1e-3), name="likelihood"
        )
        return tfvae.make_dense_vae(2, 2, (64, 64), prior=prior, likelihood=likelihood,
                                    posterior=self._posterior(2, how), activations="tanh")  # fmt: skip

    def execute(self, run: Any) -> None:
        """Mixtures as prior, as posterior and as both, in the plane and on digits."""
        train, test, _ = digits(self)
        fits = {fit.variant: fit for fit in self.fits()}

        def arguments(fit):
            if isinstance(fit.data, GaussianMixture):
                return {"x": fit.data.sample(self.num_points, seed=fit.seed)}
            return {"x": dynamic(train, self.batch_size, fit.seed)}

        def measure(model, history, fit):
            in_plane = isinstance(fit.data, GaussianMixture)
            x = fit.data.sample(len(test), seed=1_000_000 + fit.seed) if in_plane else test
            row = evaluate(run, model, fit, x, x[: self.num_scored], self.num_samples)
            row["active_units"] = evaluation.latent_report(model, x[:LATENT_ROWS], fit.seed).active_units
            pairs = x[: 2 * self.num_pairs]
            row |= evaluation.interpolation_report(
                model, pairs[0::2], pairs[1::2], self.num_samples, fit.seed, binary=not in_plane
            )
            if in_plane:
                row["nll_gap"] = evaluation.nll_gap(model, fit.data, len(test), self.num_samples, fit.seed)["nll_gap"]
                row["bridge_mass"] = evaluation.mode_report(
                    fit.data, model.sample(len(test), seed=fit.seed)
                ).bridge_mass
            if isinstance(model.posterior_layer, layers.MixtureNormal):
                row |= evaluation.posterior_use(model.encode(x[:LATENT_ROWS]).distribution, fit.seed)
            return row

        models, _, rows = run_fits(self, run, arguments, measure)
        table = [
            g for data in (*self.planes, "mnist") for g in gains(run, rows[rows["data"] == data], f"{data}-standard")
        ]
        by = rows.groupby("variant").mean(numeric_only=True)

        def told(data):
            arms = [v for v in by.index if v.startswith(f"{data}-")]
            return ", ".join(f"{by.loc[v, 'nll']:.2f} {v.removeprefix(data + '-')}" for v in arms)

        claims = [
            {
                "document": "Either the posterior must not be Gaussian, or the prior must not be; perhaps both.",
                "measured": "NLL: " + "; ".join(f"{data}: {told(data)}" for data in (*self.planes, "mnist")) + ".",
            },
            {
                "document": "A mixture posterior runs the risk of multi-modality during inference.",
                "measured": "Components used by a posterior, of "
                f"{self.posterior_components} (exp of the entropy of its weights): "
                + ", ".join(f"{n:.2f} {v}" for v, n in by["posterior_components"].dropna().items())
                + ".",
            },
            {
                "document": "A mixture prior runs the risk of islands that break the meaning of the representation.",
                "measured": "Rise of the NLL from the ends to the middle of an interpolation: "
                + ", ".join(f"{by.loc[v, 'interpolation_rise']:.1f} {v}" for v in by.index) + " nats.",
            },
        ]  # fmt: skip
        measures = [*MEASURES, "active_units", "nll_gap", "bridge_mass", "interpolation_rise", "prior_drop",
                    "posterior_components", "non_gaussianity"]  # fmt: skip
        write_findings(run, rows, measures, claims, gains=table, mean_gains=pooled(table))
        for data in self.planes:
            shown = {v: model for v, model in models.items() if v.startswith(f"{data}-")}
            truth = fits[f"{data}-standard"].data
            draws = {v: model.sample(5_000, seed=self.seed) for v, model in shown.items()}
            run.save_figure(
                f"1-{data}-draws",
                plots.scatter_panels(draws, f"{data}: draws", centres=truth.centres, columns=5),
                "Draws of each arm, the centres as crosses. Draws between centres come from a prior, or from a "
                "posterior, that bridges them.",
            )
            x = truth.sample(5_000, seed=self.seed)
            codes = {v: model.encode(x).distribution.sample(seed=self.seed).numpy() for v, model in shown.items()}
            run.save_figure(
                f"2-{data}-codes",
                plots.scatter_panels(codes, f"{data}: draws of the aggregate posterior", columns=5),
                "Draws of q(z|x) over all x. Where the prior has its mass elsewhere, draws of it decode to what no "
                "datum is.",
            )
        run.save_figure(
            "3-gains",
            plots.gains(table, "log p(x) over N(0, I) and a Gaussian posterior"),
            "Gain in log p(x) over the plain VAE, paired by seed and image, with its standard error.",
        )
        draw_samples(run, {v: model for v, model in models.items() if v.startswith("mnist-")}, 4, 100, self.seed)
