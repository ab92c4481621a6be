"""Which of the document's three hypotheses is right."""

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

import tfvae
from tfvae import evaluation, layers, objectives, plots, training
from tfvae.data.s_curve import embed_features
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.keras_notebook.curves import COPIES, Curve, encoder_decoder_figure, measure, vae_of
from tfvae.experiments.study import Fit, Study
from tfvae.host.lazy import Later

keras = Later("keras")
RMSE, SPEARMAN = 0.01, 0.99  # the curve counts as recovered within these


@dataclasses.dataclass(frozen=True)
class SCurveAnswer(Study):
    """Which of the document's three hypotheses is right: implementation, detail, or something fundamental?

    The implementation at the document's own variance 1/2 (`document-layer`, `vae-variance-0.5`: 2 layers of 50, Adam
    1e-3); the variance, fixed at values above and below the largest eigenvalue of the data's covariance; learned, without
    and with a KL warm-up (floor 0.001); the document's layers on the recipe's network and schedule (3 layers of 64, a cosine
    from 3e-3), with its squared error and with a learned scale (floor 0.04); the recipe, with one candidate and with four;
    and the same on a noisy curve.
    """

    name: ClassVar[str] = "s-curve-answer"
    summary: ClassVar[str] = "document 002's question answered: observation scale, warm-up, restarts"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_steps": 400, "num_seeds": 1, "variances": (0.5, 0.05), "num_variance_seeds": 1},
    }

    num_seeds: int = 10
    num_points: int = 300
    num_steps: int = 30_000
    batch_size: int = 32
    variances: tuple = (0.5, 0.25, 0.15, 0.11, 0.08, 0.04, 0.01)
    num_variance_seeds: int = 3
    num_restarts: int = 4
    noise: float = 0.05

    def fits(self) -> list[Fit]:
        few = range(self.seed, self.seed + self.num_variance_seeds)
        return [
            *self._each("document-layer", self._layer),
            *(
                fit
                for v in self.variances
                for fit in self._each(
                    f"vae-variance-{v:g}", lambda v=v: self._plain(math.sqrt(v)), self.seeds() if v == 0.5 else few
                )
            ),
            *self._each("learned-scale", lambda: self._plain(self._scale(1e-3))),
            *self._each("learned-scale-warm-up", lambda: self._plain(self._scale(1e-3), warm_up=True)),
            *self._each("layer-squared-error", lambda: self._layer_on_recipe(layers.MSEVariationalLayer)),
            *self._each("layer-learned-scale", lambda: self._layer_on_recipe(self._calibrated)),
            *self._each("recipe-one-candidate", lambda: self._recipe(num_restarts=1)),
            *self._each("recipe", self._recipe),
            *self._each("recipe-noisy-curve", self._recipe, few, noise=self.noise),
        ]

    def _each(self, variant, make, seeds=None, noise=0.0):
        epochs = max(1, round(self.num_steps / (COPIES * self.num_points / self.batch_size)))
        return [
            Fit(variant, seed, make, Curve.sample(self.num_points, seed, noise), epochs, self.batch_size)
            for seed in (self.seeds() if seeds is None else seeds)
        ]

    def _layer(self):
        """The document's own layers, the network of the other arms, no dropout; its squared error is variance 1/2."""
        return tfvae.make_vae(2, n_layers=2, dim_latent=1, dim_intermediate=50, cls_vae=layers.MSEVariationalLayer,
                              decoder_activation=None, dropout=None)[0]  # fmt: skip

    def _scale(self, floor):
        return layers.LearnedScale(initial=math.exp(-1.5), floor=floor)

    def _plain(self, scale, warm_up=False):
        likelihood = layers.IndependentNormal(2, "mean", scale=scale, name="likelihood")
        objective = objectives.ELBO(training.LinearWarmUp(self.num_steps // 2) if warm_up else 1.0)
        return tfvae.make_dense_vae(2, 1, (50, 50), likelihood=likelihood, activations="relu", objective=objective)

    def _layer_on_recipe(self, make_loss):
        """The document's implementation on the recipe's network and schedule; it has no warm-up."""
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, self.num_steps))
        return tfvae.make_vae(2, n_layers=3, dim_latent=1, dim_intermediate=64, cls_vae=make_loss(),
                              decoder_activation=None, optimizer=optimizer, dropout=None)[0]  # fmt: skip

    def _calibrated(self):
        return layers.GaussianVariationalLayer(layers.LearnedScale(initial=math.exp(-3), floor=0.04))

    def _recipe(self, num_restarts=None):
        return tfvae.make_manifold_vae(2, num_steps=self.num_steps, num_restarts=num_restarts or self.num_restarts)

    def execute(self, run: Any) -> None:
        """The arms that separate the three hypotheses, and the exact likelihoods of collapse and of the curve."""
        models, histories, rows = run_fits(self, run, lambda fit: {"x": np.tile(fit.data.points, (COPIES, 1))}, measure)
        rows["recovered"] = ((rows["rmse"] <= RMSE) & (rows["spearman"] >= SPEARMAN)).astype(float)
        rows["collapsed"] = (rows["rmse"] >= 0.9 * rows["data_spread"]).astype(float)
        points = next(fit.data.points for fit in self.fits())
        variances = np.geomspace(1e-3, 1, 61)
        evidence = _evidence(points, variances)
        recovered = vae_of(models["recipe"])
        evidence["the recipe's decoder"] = np.array(
            [evaluation.quadrature_log_prob(lambda z: recovered.decode(z).mean(), points, v).mean() for v in variances]
        )
        measures = ["recovered", "collapsed", "rmse", "spearman", "negative_elbo", "kl", "active_units", "scale", "floor",
                    "implied_scale", "steps"]  # fmt: skip
        write_findings(run, rows, measures, _answers(rows, points))
        eigenvalue = evaluation.largest_eigenvalue(points)
        title = "Exact log p(x): a decoder that knows the curve, and one that ignores z"
        run.save_figure(
            "1-evidence",
            plots.likelihood_by_variance(variances, evidence, eigenvalue, title),
            "The best −log p(x) that a VAE of each variance can have: below the threshold z is worth its price, above "
            "it the mean alone is the best.",
        )
        curves = {fit.variant: fit.data for fit in self.fits() if fit.seed == self.seed}
        shown = {}
        for variant, model in models.items():
            vae, curve = vae_of(model), curves[variant]
            z = vae.encode(curve.points).mean().numpy()
            shown[variant] = (curve.points, np.asarray(vae.decode(z).mean()), z[:, 0])
        run.save_figure(
            "2-learned",
            plots.curves_learned(shown, "Reconstructions, coloured by z; data in grey; first seed"),
            "What each arm makes of the curve: reconstructions, coloured by z, over the data.",
        )
        learned = {v: h for v, h in histories.items() if "variance" not in v}
        run.save_figure(
            "3-loss",
            plots.loss_curves(learned, title="Training, first seed"),
            "Training losses of the first seed. Dashed: validation.",
        )
        run.save_figure(
            "recipe",
            encoder_decoder_figure(vae_of(models["recipe"]), curves["recipe"], "recipe"),
            "The recipe on the curve.",
        )
        noisy = "recipe-noisy-curve"
        run.save_figure(
            noisy, encoder_decoder_figure(vae_of(models[noisy]), curves[noisy], noisy), "The recipe on the noisy curve."
        )


def _evidence(points, variances):
    def ideal(z):
        from scipy.stats import norm

        return embed_features(norm.cdf(z[:, 0]))

    return {
        "the curve itself": np.array([evaluation.quadrature_log_prob(ideal, points, v).mean() for v in variances]),
        "collapsed to the mean": np.array([evaluation.collapsed_log_prob(points, v).mean() for v in variances]),
    }


def _answers(rows, points):
    by = rows.groupby("variant", sort=False).mean(numeric_only=True)
    count = rows.groupby("variant", sort=False)["recovered"].agg(["sum", "count"]).astype(int)
    collapsed = rows.groupby("variant", sort=False)["collapsed"].sum().astype(int)

    def share(variant, of=count["sum"]):
        return f"{of[variant]} of {count.loc[variant, 'count']} seeds" if variant in count.index else "not in this run"

    def near(variant):
        group = rows[rows["variant"] == variant]
        return f"{(group['rmse'] >= 0.75 * group['data_spread']).sum()} of {len(group)}"

    eigenvalue = evaluation.largest_eigenvalue(points)
    at_half = _evidence(points, [0.5])
    below = [v for v in by.index if v.startswith("vae-variance-")]
    swept = "; ".join(f"{v.removeprefix('vae-variance-')}: {share(v, collapsed)} collapsed" for v in below)
    return [
        {
            "document": "1. Our implementation of VAE is wrong.",
            "measured": f"Its squared error and an independent VAE of variance 1/2 end at an RMSE of "
            f"{by.loc['document-layer', 'rmse']:.3f} and {by.loc['vae-variance-0.5', 'rmse']:.3f} (the data's spread is "
            f"{rows['data_spread'].mean():.3f}). Its layers on the recipe's network and schedule: squared error RMSE "
            f"{by.loc['layer-squared-error', 'rmse']:.3f}, {share('layer-squared-error', collapsed)} collapsed; with "
            f"nothing changed but the scale, learned, {by.loc['layer-learned-scale', 'rmse']:.4f}, "
            f"{share('layer-learned-scale', collapsed)} collapsed, {share('layer-learned-scale')} in the right order.",
        },
        {
            "document": "2. There is some parameter / detail that needs tweaking.",
            "measured": f"The variance of p(x|z), which a squared error sets to 1/2. Fixed variances: {swept}. Learned "
            f"without a warm-up, {near('learned-scale')} of the seeds end near the mean (RMSE above three quarters of the "
            f"spread) and {share('learned-scale')} recover the curve; with one, {near('learned-scale-warm-up')} and "
            f"{share('learned-scale-warm-up')}; the recipe's network and schedule: {share('recipe-one-candidate')}; with "
            f"restarts: {share('recipe')}.",
        },
        {
            "document": '3. There is a "fundamental" reason why trying to fit this kind of problem is hard.',
            "measured": "Lindsay's gradient, which is positive nowhere if and only if collapse is the best of all decoders: "
            f"{evaluation.collapse_gradient(points, 0.5):.1e} at variance 1/2, "
            f"{evaluation.collapse_gradient(points, 1.1 * eigenvalue):.1e} at "
            f"1.1 times the largest eigenvalue of the data's covariance ({eigenvalue:.3f}), "
            f"{evaluation.collapse_gradient(points, 0.9 * eigenvalue):.1e} at 0.9 times. Mean log p(x) at 1/2: "
            f"{at_half['collapsed to the mean'][0]:.3f} collapsed, {at_half['the curve itself'][0]:.3f} on the true curve.",
        },
    ]
