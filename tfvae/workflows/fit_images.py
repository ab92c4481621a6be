"""A model for images."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import evaluation, plots
from tfvae.codecs.image_codec import ImageCodec
from tfvae.data.images import Images
from tfvae.host.errors import UserError
from tfvae.models.image_models import ADVERSARIAL, CONVOLUTIONAL, check_model, fitting_widths, with_channels
from tfvae.runs.directory import METRICS, RunDirectory
from tfvae.runs.load import Run
from tfvae.runs.report import write_report
from tfvae.workflows.fitting import comparison, draw_latent, fit_until_worse, folder_of, model_maker, start_run
from tfvae.workflows.image_parts import read_parts
from tfvae.workflows.options import ImageOptions, options_of

_SCORED = 2_000  # held-out images whose likelihood is estimated
_SCORE_SAMPLES = 200
_SHOWN = 100


def fit_images(
    data: np.ndarray | Images | str | Path,
    out: str | Path | None = None,
    options: ImageOptions | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    verbose: Any = "line",
    checkpoint_seconds: float = 10.0,
    **changes: Any,
) -> Run:
    """Fits a model to images, measures it on held-out images and writes a run directory with a report.

    Args:
        data: an array `(n, H, W)` or `(n, H, W, C)` in [0, 1], `Images`, a folder of images, or a known set such as "mnist".
        out: the run directory; None for a new temporary one.
        options: `ImageOptions`; None for its defaults.
        overwrite, resume: replace an earlier run in `out`, or continue an interrupted one.
        verbose: of `model.fit`, or "line" for one line with the time left.
        checkpoint_seconds: the least time between two checkpoints.
        **changes: of the options, such as `latent_dim=32`.

    Returns:
        `Run`, which samples, scores, encodes and decodes images.

    Raises:
        UserError: where the images, the options or `out` cannot be used, before any training.
    """
    options = options_of(ImageOptions, options, changes)
    out = folder_of(out)
    RunDirectory.check_free(out, overwrite=overwrite, resume=resume)
    parts, name = read_parts(data, options), data if isinstance(data, str | Path) else "an array"
    if not options.model:
        options = dataclasses.replace(options, model=_default_model(parts))
    check_model(options.model, parts.shape, options.hidden, options.prior)
    codec = ImageCodec(tuple(parts.shape), parts.binary)
    row = with_channels(parts.shape) if options.model in CONVOLUTIONAL else (codec.num_pixels,)
    config = {
        "command": "fit",
        "arguments": {"data": name, **vars(options)},
        "data": parts.about,
        codec.kind: codec.to_config(),
    }
    run = start_run(out, config, overwrite=overwrite, resume=resume)
    held = (parts.train, parts.validation, parts.test)
    train, validation, test = (codec.transform(images).reshape(-1, *row) for images in held)
    make_model = model_maker(options, train, codec.shape, codec.binary)
    fed = parts.streamed(row, options) or train
    with parts.naming_what_is_damaged():
        model, history = fit_until_worse(
            run, make_model, fed, validation, options, verbose, checkpoint_seconds,
            restore=options.model not in ADVERSARIAL,  # whose validation loss is not what they play for
        )  # fmt: skip
    notes = [*_notes(codec, model), *parts.notes()]
    evaluated = _evaluate(model, codec, train, test, options.seed)
    run.write_json(METRICS, {"images_trained": parts.num_train, **evaluated, "notes": notes})
    _draw(run, model, codec, history, test, parts.test_labels, options.seed)
    write_report(run)
    return Run.open(run.path)


def _default_model(parts):
    """Convolutions for a folder of images that can be halved; else the dense model, whose likelihoods README has."""
    try:
        fitting_widths(parts.shape)
    except UserError:
        return "mixture-prior"
    return "convolutional" if parts.folder is not None else "mixture-prior"


def _evaluate(model, codec, train, test, seed):
    scored = test[:_SCORED]
    estimate = model.log_likelihood(scored, _SCORE_SAMPLES, seed)
    latent = evaluation.latent_report(model, scored, seed)
    return {
        "images_held_out": len(test),
        "images_scored": len(estimate.log_likelihood),
        "nll": -estimate.mean,
        "kl": latent.kl,
        "active_units": latent.active_units,
        "mutual_information": latent.mutual_information,
        "comparison": comparison({"tfvae": estimate.log_likelihood, **_pixelwise(train, scored, codec.binary)}),
    }


def _notes(codec, model):
    notes = [] if codec.binary else ["Densities are those of pixels scaled to [0, 1]."]
    if not model.objective.is_bound or hasattr(model, "discriminator"):
        notes.append("This model is not trained on a bound of log p(x) alone: judge it by its pictures first.")
    return notes


def _pixelwise(train, test, binary):
    """{name: log p of each image} of the model without a latent space: independent pixels, fitted in closed form."""
    train, test = (x.reshape(len(x), -1) for x in (train, test))
    if binary:
        p = (train.sum(axis=0) + 0.5) / (len(train) + 1)
        return {"independent pixels (Bernoulli)": test @ np.log(p) + (1 - test) @ np.log1p(-p)}
    mean, sd = train.mean(axis=0), np.maximum(train.std(axis=0), 1e-2)
    z = (test - mean) / sd
    log_density = -(0.5 * z**2 + np.log(sd * np.sqrt(2 * np.pi)))
    return {"independent pixels (Gaussian, sd at least 0.01)": log_density.sum(axis=1)}


def _draw(run, model, codec, history, test, labels, seed):
    run.save_figure("1-loss", plots.loss_curves({"model": history}, title="Training; validation dashed"))
    shown = test[:_SHOWN]
    pictures = {
        "2-data": ("Held-out images", shown),
        "3-reconstructions": (
            "Their reconstructions: decoder means, z ~ q(z|x)",
            model.reconstruct(shown, seed, mean=True),
        ),
        "4-means": ("Decoder means, z ~ p(z)", model.sample(_SHOWN, seed, mean=True)),
        "5-draws": ("Draws from p(x|z), z ~ p(z)", model.sample(_SHOWN, seed)),
    }
    for name, (title, vectors) in pictures.items():
        run.save_figure(name, plots.image_grid(codec.inverse(vectors), title, ink=False))
    z = model.encode(test[:_SCORED]).mean().numpy()
    codes = np.zeros(len(z), int) if labels is None else np.unique(labels[: len(z)], return_inverse=True)[1]
    of = "held-out images" if labels is None else "coloured by label"
    draw_latent(run, "6-latent", z, codes, of)
