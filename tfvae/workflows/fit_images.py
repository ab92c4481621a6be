"""A model for images."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import models
from tfvae.codecs.image_codec import ImageCodec
from tfvae.data.images import Images
from tfvae.host.errors import UserError
from tfvae.models.image_models import ADVERSARIAL, CONVOLUTIONAL, check_model, fitting_widths, with_channels
from tfvae.runs.directory import MODEL, RunDirectory
from tfvae.runs.load import Run
from tfvae.workflows import image_report
from tfvae.workflows.fitting import fit_until_worse, folder_of, model_maker, start_run
from tfvae.workflows.image_parts import read_parts
from tfvae.workflows.options import ImageOptions, options_of


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
    density = _latent_density(options, len(parts.train))
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
    if density:
        model = models.fit_latent_density(model, train, density, seed=options.seed)
        run.save_model(model, MODEL)
    image_report.write(run, model, codec, parts, history, train, test, options.seed)
    return Run.open(run.path)


def _default_model(parts):
    """Convolutions for a folder of images that can be halved; else the dense model, whose likelihoods README has."""
    try:
        fitting_widths(parts.shape)
    except UserError:
        return "mixture-prior"
    return "convolutional" if parts.folder is not None else "mixture-prior"


def _latent_density(options, num_images):
    """What is fitted to the codes afterwards, or the empty name; UserError where there are too few images for it."""
    automatic = "mixture" if options.model in ("convolutional", "epanechnikov") and not options.prior else "none"
    density = options.latent_density or automatic
    name, _, number = density.partition(":")
    if name == "mixture" and number and int(number) > num_images:
        raise UserError(
            f"`latent_density={density}` needs {int(number):,} images to train on, but there are {num_images}."
        )
    return density.removeprefix("none")
