"""How document 002's MNIST experiments are trained, measured and drawn."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import plots
from tfvae.data.images import load_images
from tfvae.distributions import continuous_bernoulli_log_normalizer
from tfvae.evaluation import latent_report
from tfvae.evaluation.images import sharpness
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.layers import ContinuousBernoulliVariationalLayer
from tfvae.models import as_vae, encoder_and_decoder

tfd = tfp.distributions
_LATENT_ROWS = 2_000
# Of a continuous Bernoulli, as Keras' epsilon limits them. Most pixels of MNIST are exactly 0, where without a limit a
# density has no upper bound: scores are compared at one and the same.
_LOGIT_LIMIT = float(np.log((1 - keras.config.epsilon()) / keras.config.epsilon()))


def execute_mnist(study, run):
    """The document's run on MNIST, over several seeds, with its figures."""
    data = load_images("mnist").flat()
    train, test = data.x_train[: study.num_train], data.x_test[: study.num_test]

    def measure(model, history, fit):
        last = history.iloc[-1]
        report = latent_report(as_vae(model), test[:_LATENT_ROWS], fit.seed)
        return {
            **{k: float(last[k]) for k in ("loss", "val_loss", "val_reconstruction", "val_kl")},
            "mutual_information": report.mutual_information,
            "active_units": report.active_units,
        }

    models, histories, rows = run_fits(study, run, lambda fit: {"x": train, "validation_data": test}, measure)
    measures = ["loss", "val_loss", "val_reconstruction", "val_kl", "mutual_information", "active_units"]
    by = rows[measures].mean()
    claims = [
        {
            "document": "After 50 epochs: loss 160.67, validation loss 157.00.",
            "measured": f"Loss {by['loss']:.2f}, validation loss {by['val_loss']:.2f} "
            f"({rows['val_loss'].min():.2f} to {rows['val_loss'].max():.2f} over {len(rows)} seeds), "
            f"of which {by['val_kl']:.2f} nats are KL.",
        },
    ]
    write_findings(run, rows, measures, claims)
    run.save_figure("1-loss", plots.loss_curves(histories, title="Training, first seed; validation dashed"))
    encoder, decoder = encoder_and_decoder(models["mnist"])
    codes = encoder.predict(test, verbose=0)
    labels = data.y_test[: study.num_test]
    run.save_figure("2-latent", plots.latent_scatter(codes, labels, "Means of q(z|x) of the test digits"))
    grid = plots.manifold_codes(15)
    images = decoder.predict(grid, verbose=0).reshape(-1, 28, 28)
    run.save_figure("3-manifold", plots.image_grid(images, "Decoder means on a grid of z", 15, gap=0, ink=False))
    run.save_figure("4-beta-densities", plots.beta_densities())


def execute_grey_values(study, run):
    """Three likelihoods of grey pixels around one network, scored by densities that are normalized."""
    data = load_images("mnist").flat()
    train, test = data.x_train[: study.num_train], data.x_test[: study.num_test]
    scored = test[: study.num_scored]

    def measure(model, history, fit):
        vae = as_vae(model)
        means = vae.sample(len(scored), seed=fit.seed, mean=True)
        row = {"final_loss": float(history["val_loss"].iloc[-1]), "val_kl": float(history["val_kl"].iloc[-1])}
        row |= {"mean_pixel_of_samples": float(means.mean()), "sharpness_of_samples": sharpness(_square(means))}
        back = vae.reconstruct(scored, seed=fit.seed, mean=True)
        row |= {"reconstruction_rmse": float(np.sqrt(np.mean((back - scored) ** 2)))}
        # Every score is −log of a density on [0, 1]^784. A model of cross-entropy has none: its outputs are taken once as
        # the parameter λ and once as the mean of a continuous Bernoulli.
        densities = {"nll": None}
        if fit.variant == "cross-entropy":
            as_parameter = ContinuousBernoulliVariationalLayer().likelihood
            densities = {"nll": as_parameter, "nll_matched_means": _continuous_bernoulli_of_mean}
        for name, density in densities.items():
            estimate = as_vae(model, density).log_likelihood(scored, study.num_samples, fit.seed)
            row |= {name: -estimate.mean, f"{name}_standard_error": estimate.mean_standard_error}
        return row

    models, histories, rows = run_fits(study, run, lambda fit: {"x": train, "validation_data": test}, measure)
    measures = ["nll", "nll_matched_means", "final_loss", "val_kl", "mean_pixel_of_samples", "sharpness_of_samples",
                "reconstruction_rmse"]  # fmt: skip
    by = rows.groupby("variant").mean(numeric_only=True)
    shown = {v: as_vae(model).sample(100, seed=study.seed, mean=True) for v, model in models.items()}
    claims = [
        {
            "document": "We are sweeping the constant under the carpet; is this justifiable?",
            "measured": "Honest −log p(x) on grey test digits, in nats: "
            f"{by.loc['cross-entropy', 'nll']:.0f} of the model trained by cross-entropy (outputs as λ; "
            f"{by.loc['cross-entropy', 'nll_matched_means']:.0f} with matched means), "
            f"{by.loc['continuous-bernoulli', 'nll']:.0f} of the one trained with the constant. "
            f"({(scored == 0).mean():.0%} of the pixels are exactly 0, so that a density has no upper bound: "
            f"all logits are limited to ±{_LOGIT_LIMIT:.1f}.)",
        },
        {
            "document": "(its effect on the pictures)",
            "measured": f"Mean pixel of the data {test.mean():.3f}, of decoder means "
            f"{by.loc['cross-entropy', 'mean_pixel_of_samples']:.3f} by cross-entropy and "
            f"{by.loc['continuous-bernoulli', 'mean_pixel_of_samples']:.3f} with the constant; sharpness of the data "
            f"{sharpness(_square(scored)):.3f}, {by.loc['cross-entropy', 'sharpness_of_samples']:.3f} and "
            f"{by.loc['continuous-bernoulli', 'sharpness_of_samples']:.3f}. (The limit of the logits allows no mean below "
            f"{float(_mean_of_logits(tf.constant(-_LOGIT_LIMIT))):.3f}.)",
        },
    ]
    write_findings(run, rows, measures, claims)
    run.save_figure("1-loss", plots.loss_curves(histories, title="Training, first seed; each in its own units"))
    logits = np.linspace(-8, 8, 201)
    values = continuous_bernoulli_log_normalizer(logits).numpy()
    run.save_figure("2-log-normalizer", plots.log_normalizer(1 / (1 + np.exp(-logits)), values))
    run.save_figure("3-data", plots.image_grid(_square(scored[:100]), "Test digits"))
    for k, (variant, means) in enumerate(shown.items()):
        run.save_figure(
            f"{k + 4}-{variant}", plots.image_grid(_square(means), f"{variant}: decoder means, z ~ N(0, I)")
        )


def _square(rows):
    return rows.reshape(-1, 28, 28)


def _continuous_bernoulli_of_mean(x_pred):
    """The continuous Bernoulli whose mean is `x_pred`, by bisection on the logits, within the layer's own limits."""
    low, high = tf.fill(tf.shape(x_pred), -_LOGIT_LIMIT), tf.fill(tf.shape(x_pred), _LOGIT_LIMIT)
    for _ in range(25):
        middle = (low + high) / 2
        above = _mean_of_logits(middle) > x_pred
        low, high = tf.where(above, low, middle), tf.where(above, middle, high)
    return tfd.Independent(tfd.ContinuousBernoulli(logits=(low + high) / 2), 1)


def _mean_of_logits(logits):
    """1 / (1 − e^−l) − 1 / l, and 1/2 + l/12 near 0."""
    small = tf.abs(logits) < 1e-2
    safe = tf.where(small, tf.ones_like(logits), logits)
    return tf.where(small, 0.5 + logits / 12, -1 / tf.math.expm1(-safe) - 1 / safe)
