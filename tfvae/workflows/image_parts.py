"""The user's images, read and split: in memory, or streamed where they are too many for it."""

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.codecs.image_codec import ImageCodec
from tfvae.data.image_folder import ImageFolder
from tfvae.data.images import KNOWN, Images, load_images
from tfvae.data.tables import array_hash, split_rows
from tfvae.host.errors import UserError
from tfvae.host.stderr import start_tensorflow
from tfvae.priors.by_name import PriorChoice

HELD_BYTES = 2**29  # of a folder's pixels as float32: more is streamed
_SMALL, _LARGE, _MANY = 32, 64, 1_000  # sides of larger images where none is given: the small one below so many images
_SAMPLE, _EVALUATED = 10_000, 5_000  # images of a streamed folder that are held, at most


@dataclasses.dataclass
class ImageParts:
    """Images to train on, to validate on and to test on."""

    train: np.ndarray  # of a streamed folder a sample
    validation: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray | None
    binary: bool  # every pixel is 0 or 1
    about: dict  # what the data are, for `config.json`
    lossy: bool = False  # JPEG copies of what was published
    folder: ImageFolder | None = None
    streamed_rows: np.ndarray | None = None  # of the folder, to train on from disk; None where `train` is all

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image, (H, W) or (H, W, C)."""
        return self.train.shape[1:]

    @property
    def num_train(self) -> int:
        return len(self.train if self.streamed_rows is None else self.streamed_rows)

    def notes(self) -> list[str]:
        """What a reader of the report should know of the data."""
        notes = []
        if self.lossy:
            notes.append("The images are lossy JPEG copies: compare these likelihoods with no published ones.")
        if self.streamed_rows is not None:
            notes.append(
                f"The {self.num_train:,} training images are streamed from disk; {len(self.validation):,} images choose the "
                f"epoch, {len(self.test):,} are scored, and the baseline is fitted to {len(self.train):,}."
            )
        return notes

    def streamed(self, row: tuple[int, ...], options: Any) -> Callable | None:
        """A function of the first epoch to a data set of rows of that shape; None where all images are held."""
        folder, rows = self.folder, self.streamed_rows
        if folder is None or rows is None:
            return None
        import tensorflow as tf

        def from_epoch(epoch):
            batches = folder.batches(rows, options.batch_size, options.seed, epoch)
            return batches.map(lambda images: tf.reshape(images, [-1, *row]))

        return from_epoch

    def naming_what_is_damaged(self) -> Any:
        """A context in which the training reads: see `ImageFolder`."""
        return contextlib.nullcontext() if self.folder is None else self.folder.naming_what_is_damaged()


def read_parts(data: Any, options: Any) -> ImageParts:
    """The `ImageParts` of an array, of `Images`, of a known set or of a folder."""
    if isinstance(data, Images):
        return _held(data, options)
    if not isinstance(data, str | Path):
        array = np.asarray(data)
        if array.ndim not in (3, 4):
            raise UserError(f"`data` must be images (n, H, W) or (n, H, W, C), but has the shape {array.shape}.")
        return _held(Images(ImageCodec(tuple(array.shape[1:])).check(array), None), options)
    if str(data) in KNOWN:
        if options.image_size is not None:
            raise UserError(f"`image_size` is for a folder of images, but {data} is a set of one size.")
        return _held(load_images(data), options)
    folder = ImageFolder(data, None if options.image_size is None else (options.image_size, options.image_size))
    if options.image_size is None and max(folder.shape[:2]) > _LARGE:
        side = _LARGE if len(folder) >= _MANY else _SMALL
        folder = ImageFolder(data, (side, side))
    _rows(len(folder), options)
    start_tensorflow()  # which reads a folder's images
    if 4 * len(folder) * np.prod(folder.shape) > HELD_BYTES:
        return _streamed(folder, options)
    return _held(Images(_without_grey_axis(folder.read()), folder.labels()), options, folder)


def _held(images, options, folder=None):
    """A set's own parts, or some held out from its training images."""
    x, labels, x_test, test_labels = images.x_train, images.y_train, images.x_test, images.y_test
    train, validation, held_out = _rows(len(x), options)
    if x_test is None:
        x_test, test_labels = x[held_out], None if labels is None else labels[held_out]
    else:
        train = np.setdiff1d(np.arange(len(x)), validation)
    order = np.random.default_rng(options.seed).permutation(len(x_test))  # a set may be sorted by its labels
    own = images.x_valid is not None
    return ImageParts(
        train=x if own else x[train],
        validation=images.x_valid if own else x[validation],
        test=x_test[order],
        test_labels=None if test_labels is None else test_labels[order],
        binary=bool(np.isin(x, (0, 1)).all()),
        about={"sha256": array_hash(x), "images": len(x), "labelled": labels is not None},
        lossy=images.lossy,
        folder=folder,
    )


def _streamed(folder, options):
    """A folder too large for memory, with a sample of each part."""
    rng = np.random.default_rng(options.seed)
    train, validation, held_out = (rng.permutation(rows) for rows in _rows(len(folder), options))
    # Each part is at most a quarter of what a folder may fill.
    fitting = max(100, int(HELD_BYTES // (16 * np.prod(folder.shape))))
    sample, labels = _without_grey_axis(folder.read(train[: min(_SAMPLE, fitting)])), folder.labels()
    evaluated = min(_EVALUATED, fitting)
    return ImageParts(
        train=sample,
        validation=_without_grey_axis(folder.read(validation[:evaluated])),
        test=_without_grey_axis(folder.read(held_out[:evaluated])),
        test_labels=None if labels is None else labels[held_out[:evaluated]],
        binary=bool(np.isin(sample, (0, 1)).all()),
        about={"sha256": folder.hash(), "images": len(folder), "labelled": labels is not None},
        folder=folder,
        streamed_rows=train,
    )


def _without_grey_axis(pixels):
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def _rows(n, options):
    """Row numbers (train, validation, held-out); UserError where n are too few to hold some out, or for the prior."""
    parts = split_rows(n, options.holdout, options.seed)
    if options.prior:
        PriorChoice.parse(options.prior).check(len(parts[0]))
    return parts
