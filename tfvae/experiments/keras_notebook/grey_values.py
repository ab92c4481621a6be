"""The constant that the document sweeps under the carpet: three likelihoods for grey pixels."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

import tfvae
from tfvae import distributions, evaluation, layers, plots
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.keras_notebook.on_mnist import OnMNIST
from tfvae.experiments.study import Fit
from tfvae.host.lazy import Later

keras, tf, tfp = map(Later, ("keras", "tensorflow", "tensorflow_probability"))


@dataclasses.dataclass(frozen=True)
class GreyValues(OnMNIST):
    """The constant that the document sweeps under the carpet: three likelihoods for grey pixels, one network."""

    name: ClassVar[str] = "keras-notebook-grey-values"
    summary: ClassVar[str] = "document 002's open constant: cross-entropy, continuous Bernoulli and Gaussian on MNIST"
    presets: ClassVar[dict] = {
        "paper": {},
        "quick": {
            "num_train": 2_000,
            "num_test": 500,
            "epochs": 2,
            "num_seeds": 1,
            "num_scored": 50,
            "num_samples": 10,
        },
    }

    num_seeds: int = 3
    epochs: int = 20
    num_scored: int = 1_000
    num_samples: int = 200

    def fits(self) -> list[Fit]:
        variants = {
            "cross-entropy": layers.VariationalLayer,
            "continuous-bernoulli": layers.ContinuousBernoulliVariationalLayer,
            "gaussian": layers.GaussianVariationalLayer,
        }
        return [
            Fit(
                name, seed, lambda cls=cls: tfvae.make_vae(784, cls_vae=cls)[0], "mnist", self.epochs, self.batch_size
            )
            for name, cls in variants.items()
            for seed in self.seeds()
        ]  # fmt: skip

    def execute(self, run: Any) -> None:
        """Three likelihoods of grey pixels around one network, scored by densities that are normalized."""
        _, train, test = self.data()
        scored = test[: self.num_scored]

        def measure(model, history, fit):
            vae = tfvae.models.as_vae(model)
            means = vae.sample(len(scored), seed=fit.seed, mean=True)
            row = {"final_loss": float(history["val_loss"].iloc[-1]), "val_kl": float(history["val_kl"].iloc[-1])}
            row |= {
                "mean_pixel_of_samples": float(means.mean()),
                "sharpness_of_samples": evaluation.sharpness(_square(means)),
            }
            back = vae.reconstruct(scored, seed=fit.seed, mean=True)
            row |= {"reconstruction_rmse": float(np.sqrt(np.mean((back - scored) ** 2)))}
            # Every score is −log of a density on [0, 1]^784. A model of cross-entropy has none: its outputs are taken once
            # as the parameter λ and once as the mean of a continuous Bernoulli.
            densities = {"nll": None}
            if fit.variant == "cross-entropy":
                as_parameter = layers.ContinuousBernoulliVariationalLayer().likelihood
                densities = {"nll": as_parameter, "nll_matched_means": _continuous_bernoulli_of_mean}
            for name, density in densities.items():
                estimate = tfvae.models.as_vae(model, density).log_likelihood(scored, self.num_samples, fit.seed)
                row |= {name: -estimate.mean, f"{name}_standard_error": estimate.mean_standard_error}
            return row

        models, histories, rows = run_fits(self, run, lambda fit: {"x": train, "validation_data": test}, measure)
        measures = ["nll", "nll_matched_means", "final_loss", "val_kl", "mean_pixel_of_samples", "sharpness_of_samples",
                    "reconstruction_rmse"]  # fmt: skip
        by = rows.groupby("variant").mean(numeric_only=True)
        shown = {v: tfvae.models.as_vae(model).sample(100, seed=self.seed, mean=True) for v, model in models.items()}
        claims = [
            {
                "document": "We are sweeping the constant under the carpet; is this justifiable?",
                "measured": "Honest −log p(x) on grey test digits, in nats: "
                f"{by.loc['cross-entropy', 'nll']:.0f} of the model trained by cross-entropy (outputs as λ; "
                f"{by.loc['cross-entropy', 'nll_matched_means']:.0f} with matched means), "
                f"{by.loc['continuous-bernoulli', 'nll']:.0f} of the one trained with the constant. "
                f"({(scored == 0).mean():.0%} of the pixels are exactly 0, so that a density has no upper bound: "
                f"all logits are limited to ±{_logit_limit():.1f}.)",
            },
            {
                "document": "(its effect on the pictures)",
                "measured": f"Mean pixel of the data {test.mean():.3f}, of decoder means "
                f"{by.loc['cross-entropy', 'mean_pixel_of_samples']:.3f} by cross-entropy and "
                f"{by.loc['continuous-bernoulli', 'mean_pixel_of_samples']:.3f} with the constant; sharpness of the data "
                f"{evaluation.sharpness(_square(scored)):.3f}, {by.loc['cross-entropy', 'sharpness_of_samples']:.3f} and "
                f"{by.loc['continuous-bernoulli', 'sharpness_of_samples']:.3f}. (The limit of the logits allows "
                f"no mean below "
                f"{float(_mean_of_logits(tf.constant(-_logit_limit()))):.3f}.)",
            },
        ]
        write_findings(run, rows, measures, claims)
        run.save_figure(
            "1-loss",
            plots.loss_curves(histories, title="Training, first seed; each in its own units"),
            "Training losses of the first seed. They are in different units, and cannot be compared.",
        )
        logits = np.linspace(-8, 8, 201)
        values = distributions.continuous_bernoulli_log_normalizer(logits).numpy()
        run.save_figure(
            "2-log-normalizer",
            plots.log_normalizer(1 / (1 + np.exp(-logits)), values),
            "The constant under the carpet: what a cross-entropy of grey values lacks to be a density, by the pixel's "
            "probability.",
        )
        run.save_figure(
            "3-data",
            plots.image_grid(_square(scored[:100]), "Test digits"),
            "Test digits as they are, to compare the others with.",
        )
        for k, (variant, means) in enumerate(shown.items()):
            run.save_figure(
                f"{k + 4}-{variant}",
                plots.image_grid(_square(means), f"{variant}: decoder means, z ~ N(0, I)"),
                "Decoder means of draws of N(0, I).",
            )


def _logit_limit():
    """Of a continuous Bernoulli, as Keras' epsilon limits its logits.

    Most pixels of MNIST are exactly 0, where without a limit a density has no upper bound: scores are compared at one and
    the same.
    """
    epsilon = keras.config.epsilon()
    return float(np.log((1 - epsilon) / epsilon))


def _square(rows):
    return rows.reshape(-1, 28, 28)


def _continuous_bernoulli_of_mean(x_pred):
    """The continuous Bernoulli whose mean is `x_pred`, by bisection on the logits, within the layer's own limits."""
    low, high = tf.fill(tf.shape(x_pred), -_logit_limit()), tf.fill(tf.shape(x_pred), _logit_limit())
    for _ in range(25):
        middle = (low + high) / 2
        above = _mean_of_logits(middle) > x_pred
        low, high = tf.where(above, low, middle), tf.where(above, middle, high)
    return tfp.distributions.Independent(tfp.distributions.ContinuousBernoulli(logits=(low + high) / 2), 1)


def _mean_of_logits(logits):
    """1 / (1 − e^−l) − 1 / l, and 1/2 + l/12 near 0."""
    small = tf.abs(logits) < 1e-2
    safe = tf.where(small, tf.ones_like(logits), logits)
    return tf.where(small, 0.5 + logits / 12, -1 / tf.math.expm1(-safe) - 1 / safe)
