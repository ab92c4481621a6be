"""The document's own runs and figures."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

import tfvae
from tfvae import evaluation, layers, plots, priors
from tfvae.data.images import binarize, load_images
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.mixture_prior.on_digits import (
    PIXELS,
    OnDigits,
    both_priors,
)
from tfvae.experiments.mixture_prior.scoring import (
    LATENT_ROWS,
    MEASURES,
    TEST_SEED,
    component_use,
    draw_samples,
    evaluate,
    kl_table,
)
from tfvae.experiments.study import Fit
from tfvae.host.lazy import Later

keras, tf = Later("keras"), Later("tensorflow")


@dataclasses.dataclass(frozen=True)
class MixturePriorMNIST(OnDigits):
    """The document's runs: 784-400-D ReLU, 1000 components, D_var, cross-entropy of grey pixels; and N(0, I) beside it.

    400 epochs of batch 200, Adam 1e-3 whose rate falls to a tenth every 100 epochs; ten latent dimensions, and two for the
    maps. Unlike the document's, the encoder's scales are softplus and not exp of half a log variance.
    """

    name: ClassVar[str] = "mixture-prior-mnist"
    summary: ClassVar[str] = "document 004: 1000 Gaussians as prior on MNIST, with the document's figures"
    codec: ClassVar[dict] = {"images": {"shape": [28, 28], "binary": False}}
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {"num_train": 1_000, "num_test": 200, "epochs": 4, "num_components": 50, "num_samples": 20,
                  "num_scored": 100},
    }  # fmt: skip

    num_seeds: int = 1
    latent_dims: tuple = (10, 2)
    num_components: int = 1000
    epochs: int = 400
    batch_size: int = 200
    num_scored: int = 2_000
    num_samples: int = 500

    def fits(self) -> list[Fit]:
        return both_priors(self, "mnist", self._make)

    def _make(self, dimension, components, seed):
        quarter = self.num_steps(self.epochs) // 4
        boundaries = [quarter, 2 * quarter, 3 * quarter]
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, [1e-3, 1e-4, 1e-5, 1e-6])
        optimizer = keras.optimizers.Adam(schedule)
        if components is not None:
            return tfvae.make_mixture_prior_vae(PIXELS, dimension, components, optimizer=optimizer, seed=seed)
        likelihood = layers.IndependentBernoulli(PIXELS, "mean", name="likelihood")
        return tfvae.make_dense_vae(
            PIXELS, dimension, (400,), likelihood=likelihood, activations="relu", optimizer=optimizer
        )

    def execute(self, run: Any) -> None:
        """The document's run and its figures, and the NLL of binarized digits that it lacks."""
        data = load_images("mnist").flat()
        train = data.x_train[: self.num_train]
        grey = data.x_test[: self.num_test]
        test = binarize(data.x_test, TEST_SEED)[: self.num_test]

        def measure(model, history, fit):
            row = {"loss": float(history["loss"].iloc[-1]), "grey_loss": float(model.evaluate(grey, verbose=0)[0])}
            row |= evaluate(run, model, fit, test, test[: self.num_scored], self.num_samples)
            row["active_units"] = evaluation.latent_report(model, test[:LATENT_ROWS], fit.seed).active_units
            if isinstance(model.prior, priors.MixturePrior):
                table = {t["estimator"]: t["mean"] for t in kl_table(model, test[:LATENT_ROWS], fit.seed, 20)}
                row["variational_kl"], row["monte_carlo_kl"] = table["VariationalKL"], table["MonteCarloKL"]
            return row

        models, histories, rows = run_fits(self, run, lambda fit: {"x": train}, measure)
        measures = ["loss", "grey_loss", *MEASURES, "active_units", "variational_kl", "monte_carlo_kl"]
        by = rows.groupby("variant").mean(numeric_only=True)
        claims = [
            {
                "document": "For 10-dimensional z the two priors yield noticeably different samples (no figure is given).",
                "measured": f"NLL of binarized test digits {by.loc['standard-10', 'nll']:.2f} with N(0, I), "
                f"{by.loc['mixture-10', 'nll']:.2f} with the mixture ({self.num_samples} importance samples, "
                f"{self.num_scored} digits).",
            },
            {
                "document": "Each component's mean is a characteristic image.",
                "measured": f"{by.loc['mixture-10', 'components_used']:.0f} of {self.num_components} components are used "
                "(exp of the entropy of their average responsibility).",
            },
        ]
        write_findings(run, rows, measures, claims)
        run.save_figure(
            "1-loss",
            plots.loss_curves(histories, title="Training, first seed; cross-entropy of grey pixels"),
            "Training losses of the first seed. Dashed: validation.",
        )
        draw_samples(run, {f"samples-{name}": model for name, model in models.items()}, 2, 450, self.seed, columns=30)
        for k, (name, model) in enumerate(models.items()):
            if isinstance(model.prior, priors.MixturePrior):
                order = np.argsort(-component_use(model, grey))
                images = (
                    model.decode(tf.gather(model.prior.distribution().loc, order)).mean().numpy().reshape(-1, 28, 28)
                )
                title = f"{name}: decoded component means, the most used first"
                run.save_figure(
                    f"3-characteristic-{name}",
                    plots.image_grid(images, title, 40),
                    'The decoded mean of each component, the most used first: the document\'s "characteristic images".',
                )
            if model.prior.event_shape == (2,):
                _draw_plane(run, f"{4 + k}", name, model, grey, data.y_test[: self.num_test], self.seed)


def _draw_plane(run, number, name, model, x, labels, seed):
    """Latent map, manifold and prior of a model of two latent dimensions."""
    codes, draws = model.encode(x).mean().numpy(), model.prior.sample(10_000, seed=tf.constant([seed, 2])).numpy()
    both = np.concatenate([codes, draws])
    limits = tuple(zip(both.min(axis=0), both.max(axis=0), strict=True))
    run.save_figure(
        f"{number}-latent-{name}",
        plots.latent_scatter(codes, labels, f"{name}: means of q(z|x)", limits),
        "Where the encoder puts test digits, one colour a digit. Its axes are those of the prior's figure.",
    )
    ticks = [np.quantile(draws[:, d], np.linspace(0.01, 0.99, 20)) for d in (0, 1)]
    grid = np.array([[a, b] for b in ticks[1] for a in ticks[0]], "float32")
    images = model.decode(grid).mean().numpy().reshape(-1, 28, 28)
    title = f"{name}: decoder means at the prior's quantiles"
    run.save_figure(
        f"{number}-manifold-{name}",
        plots.image_grid(images, title, 20, gap=0, ink=False),
        "Decoder means at the prior's quantiles. Digits that run into each other lie where the prior has no gap.",
    )
    run.save_figure(
        f"{number}-prior-{name}",
        plots.latent_scatter(draws, title=f"{name}: draws of p(z)", limits=limits),
        "Draws of the prior. Where they lie and no digit does, the model makes up what it has not seen.",
    )
