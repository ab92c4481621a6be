"""A model for images."""

from pathlib import Path
from typing import Any

import numpy as np

from tfvae import evaluation, plots
from tfvae.codecs.image_codec import ImageCodec, read_images
from tfvae.data.images import KNOWN, Images, image_files
from tfvae.data.tables import array_hash, split_rows
from tfvae.host.errors import UserError
from tfvae.host.stderr import start_tensorflow
from tfvae.priors.by_name import PriorChoice
from tfvae.runs.directory import METRICS, RunDirectory
from tfvae.runs.load import Run
from tfvae.runs.report import write_report
from tfvae.workflows.fitting import comparison, draw_latent, fit_until_worse, folder_of, model_maker, start_run
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
    verbose: Any = "auto",
    checkpoint_seconds: float = 10.0,
    **changes: Any,
) -> Run:
    """Fits a model to images, measures it on held-out images and writes a run directory with a report.

    Args:
        data: an array `(n, H, W)` or `(n, H, W, C)` in [0, 1], `Images`, a folder of images, or a known set such as "mnist".
        out: the run directory; None for a new temporary one.
        options: `ImageOptions`; None for its defaults.
        overwrite, resume: replace an earlier run in `out`, or continue an interrupted one.
        verbose: of `model.fit`.
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
    images, name = _read(data, options), data if isinstance(data, str | Path) else "an array"
    codec, split = ImageCodec.fit(images.x_train), _Split(images, options)
    about = {"sha256": array_hash(images.x_train), "images": len(images.x_train), "labelled": split.is_labelled}
    config = {
        "command": "fit",
        "arguments": {"data": name, **vars(options)},
        "data": about,
        codec.kind: codec.to_config(),
    }
    run = start_run(out, config, overwrite=overwrite, resume=resume)
    train, validation, test = map(codec.transform, (split.train, split.validation, split.test))
    make_model = model_maker(options, train, codec.num_pixels, codec.binary)
    model, history = fit_until_worse(run, make_model, train, validation, options, verbose, checkpoint_seconds)
    run.write_json(METRICS, _evaluate(model, codec, train, test, images.lossy, options.seed))
    _draw(run, model, codec, history, test, split.test_labels, options.seed)
    write_report(run)
    return Run.open(run.path)


def _read(data, options):
    if isinstance(data, Images):
        return data
    if not isinstance(data, str | Path):
        array = np.asarray(data)
        if array.ndim not in (3, 4):
            raise UserError(f"`data` must be images (n, H, W) or (n, H, W, C), but has the shape {array.shape}.")
        return Images(ImageCodec(tuple(array.shape[1:])).check(array), None)
    if str(data) in KNOWN:
        if options.image_size is not None:
            raise UserError(f"`image_size` is for a folder of images, but {data} is a set of one size.")
    else:
        _check_rows(len(image_files(data)), options)
        start_tensorflow()  # which reads a folder's images
    return read_images(data, options.image_size)


def _check_rows(n, options):
    """Row numbers (train, validation, held-out); UserError where n are too few to hold some out, or for the prior."""
    parts = split_rows(n, options.holdout, options.seed)
    if options.prior:
        PriorChoice.parse(options.prior).check(len(parts[0]))
    return parts


class _Split:
    """Images to train on, to validate on and to test on: a set's own, or some held out from its training images."""

    def __init__(self, images, options):
        x, labels, x_test, test_labels = images.x_train, images.y_train, images.x_test, images.y_test
        train, validation, held_out = _check_rows(len(x), options)
        if x_test is None:
            x_test, test_labels = x[held_out], None if labels is None else labels[held_out]
        else:
            train = np.setdiff1d(np.arange(len(x)), validation)
        order = np.random.default_rng(options.seed).permutation(len(x_test))  # a set may be sorted by its labels
        self.test, self.test_labels = x_test[order], None if test_labels is None else test_labels[order]
        self.is_labelled = labels is not None
        if images.x_valid is None:
            self.train, self.validation = x[train], x[validation]
        else:
            self.train, self.validation = x, images.x_valid


def _evaluate(model, codec, train, test, lossy, seed):
    scored = test[:_SCORED]
    estimate = model.log_likelihood(scored, _SCORE_SAMPLES, seed)
    latent = evaluation.latent_report(model, scored, seed)
    return {
        "images_trained": len(train),
        "images_held_out": len(test),
        "images_scored": len(estimate.log_likelihood),
        "nll": -estimate.mean,
        "kl": latent.kl,
        "active_units": latent.active_units,
        "mutual_information": latent.mutual_information,
        "comparison": comparison({"tfvae": estimate.log_likelihood, **_pixelwise(train, scored, codec.binary)}),
        "notes": _notes(codec, lossy),
    }


def _notes(codec, lossy):
    notes = [] if codec.binary else ["Densities are those of pixels scaled to [0, 1]."]
    if lossy:
        notes.append("The images are lossy JPEG copies: compare these likelihoods with no published ones.")
    return notes


def _pixelwise(train, test, binary):
    """{name: log p of each image} of the model without a latent space: independent pixels, fitted in closed form."""
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
