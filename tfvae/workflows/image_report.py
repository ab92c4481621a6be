"""What the fit of images has found: measures, a verdict, notes, figures."""

import numpy as np

from tfvae import evaluation, plots, priors
from tfvae.models.image_models import pixel_levels
from tfvae.runs.directory import METRICS
from tfvae.runs.report import write_report
from tfvae.workflows.fitting import comparison, draw_latent
from tfvae.workflows.verdicts import Verdict, density_verdict, together

_SCORED, _LEAST_SCORED = 2_000, 200  # held-out images whose likelihood is estimated: as many as a minute or two allow
_SCORE_SAMPLES = 200
_NUMBERS = 5e9  # of the decoder's widest layer, over all draws of all scored images
_FEWEST, _FEWEST_HELD = 500, 100  # photographs to train and held out, below which nothing is compared
_LEARNED, _COMPARED = 5_000, 1_000  # photographs that features are learned from, and that are compared, at most
_IN_A_ROW, _IN_A_GRID = 14, 100


def write(run, model, codec, parts, history, train, test, seed):
    """`metrics.json`, the figures and the report.

    Args:
        run: `RunDirectory`.
        model: a trained `VAE`.
        codec: `ImageCodec`.
        parts: `ImageParts`; train, test: its images as the model takes them.
        history: `pandas.DataFrame` of the training.
        seed: of all draws.
    """
    run.write_json(METRICS, _metrics(model, codec, parts, train, test, seed))
    _draw(run, model, codec, history, test, parts.test_labels, seed)
    write_report(run)


def _metrics(model, codec, parts, train, test, seed):
    scored = test[: int(np.clip(_NUMBERS / (_SCORE_SAMPLES * model.numbers_per_draw), _LEAST_SCORED, _SCORED))]
    estimate = model.log_likelihood(scored, _SCORE_SAMPLES, seed)
    latent = evaluation.latent_report(model, scored, seed)
    levels = pixel_levels(model)
    compared = comparison({"tfvae": estimate.log_likelihood, **_pixelwise(train, scored, levels)})
    notes, bits = ["Densities are those of pixels scaled to [0, 1]."], {}
    if levels:
        notes = [f"Likelihoods are probabilities of images whose pixels have {levels} values, and no densities."]
        bits = {"bits_per_dimension": estimate.bits_per_dimension(codec.num_pixels)}
    verdict = density_verdict(compared, "image")
    if not model.objective.is_bound or hasattr(model, "discriminator"):
        verdict = Verdict("This model is not trained on a bound of log p(x) alone: judge it by its pictures first.")
    return {
        "verdict": together(verdict),
        "images_trained": parts.num_train,
        "images_held_out": len(test),
        "images_scored": len(estimate.log_likelihood),
        "nll": -estimate.mean,
        **bits,
        "kl": latent.kl,
        "active_units": latent.active_units,
        "mutual_information": latent.mutual_information,
        **_against_real(model, parts, train, test, seed),
        "comparison": compared,
        "notes": [*notes, *_of_prior(model), *parts.notes()],
    }


def _of_prior(model):
    """What is said of a prior that was fitted to the codes."""
    if not isinstance(model.prior, priors.FullMixturePrior | priors.RescaledPrior):
        return []
    kind = "a flow"
    if isinstance(model.prior, priors.FullMixturePrior):
        k = model.prior.num_components
        kind = f"a mixture of {k} Gaussians with full covariances" if k > 1 else "a Gaussian with a full covariance"
    return [f"The prior is {kind}, fitted to the codes of training images after the training (`fit_latent_density`)."]


def _against_real(model, parts, train, test, seed):
    """FD-cnn of decoder means at draws and at codes, and of real images, against others; {} where there are few."""
    height, width, *channels = parts.shape
    if parts.folder is None or len(train) < _FEWEST or len(test) < _FEWEST_HELD or height % 8 or width % 8:
        return {}
    train, test = (x.reshape(-1, height, width, *(channels or [1])) for x in (train, test))
    half = min(len(test) // 2, _COMPARED)
    real, others = test[:half], test[half : 2 * half]
    network, _ = evaluation.train_feature_autoencoder(train[:_LEARNED], seed=seed)
    shown = {
        "draws": model.sample(half, seed, mean=True),
        "reconstructions": model.reconstruct(others.reshape(-1, *model.data_shape), seed, mean=True),
        "real": others,
    }
    expected = evaluation.features_of(network, real)
    features = {of: evaluation.features_of(network, images.reshape(real.shape)) for of, images in shown.items()}
    return {f"{of}_frechet_distance": evaluation.frechet_distance(expected, f) for of, f in features.items()}


def _pixelwise(train, test, levels):
    """{name: log p of each image} of the model without a latent space: independent pixels, fitted in closed form."""
    from scipy.stats import norm

    train, test = (x.reshape(len(x), -1).astype("float64") for x in (train, test))
    if levels == 2:
        p = (train.sum(axis=0) + 0.5) / (len(train) + 1)
        return {"independent pixels (Bernoulli)": test @ np.log(p) + (1 - test) @ np.log1p(-p)}
    mean, sd = train.mean(axis=0), np.maximum(train.std(axis=0), 1e-2)
    if levels is None:
        return {"independent pixels (Gaussian, sd at least 0.01)": norm.logpdf(test, mean, sd).sum(axis=1)}
    half = 0.5 / (levels - 1)  # the outermost values take the tails, as in the likelihood
    above = np.where(test > 1 - half, 1.0, norm.cdf(test + half, mean, sd))
    below = np.where(test < half, 0.0, norm.cdf(test - half, mean, sd))
    log_mass = np.log(np.maximum(above - below, 1e-12))
    return {f"independent pixels (Gaussian, rounded to {levels} levels)": log_mass.sum(axis=1)}


def _draw(run, model, codec, history, test, labels, seed):
    shown = test[:_IN_A_ROW]
    rows = {
        "held-out images": shown,
        "reconstructions": model.reconstruct(shown, seed, mean=True),
        "decoder means": model.sample(len(shown), seed, mean=True),
        "draws": model.sample(len(shown), seed),
    }
    run.save_figure(
        "1-images",
        plots.image_rows({name: codec.inverse(x) for name, x in rows.items()}, ink=False),
        "Held-out images; their reconstructions (decoder means); decoder means of draws from the prior, which show what the "
        "model makes up; and draws from p(x|z), with the noise of single pixels that the density counts.",
    )
    means = codec.inverse(model.sample(_IN_A_GRID, seed, mean=True))
    run.save_figure(
        "2-means",
        plots.image_grid(means, columns=20, ink=False),
        f"{_IN_A_GRID} decoder means of draws from the prior. Shapes that are no image of the data come from "
        "holes: places where the prior has mass and the codes do not.",
    )
    z = model.encode(test[:_SCORED]).mean().numpy()
    draw_latent(run, "3-latent", z, None if labels is None else labels[: len(z)], "held-out images")
    run.save_figure(
        "4-loss",
        plots.loss_curves({"": history}),
        "The loss and its parts, in nats an image. Dashed: validation images, by which the epoch is chosen.",
    )
