"""The user's images, read and split: in memory, or streamed where they are too many for it."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.codecs.image_codec import ImageCodec
from tfvae.data.image_folder import ImageFolder, image_files
from tfvae.data.images import KNOWN, Images, load_images
from tfvae.data.tables import array_hash, split_rows
from tfvae.host.errors import UserError
from tfvae.host.stderr import start_tensorflow
from tfvae.priors.by_name import PriorChoice

HELD_BYTES = 2**30  # of a folder's pixels as float32: more is streamed
_SAMPLE, _EVALUATED = 10_000, 5_000  # images of a streamed folder that are held


class ImageParts:
    """Images to train on, to validate on and to test on: a set's own, or some held out from its training images.

    Attributes:
        shape: of one image, (H, W) or (H, W, C).
        binary: bool, every pixel is 0 or 1.
        sample: training images as an array; all of them unless they are streamed.
        validation, test: arrays.
        test_labels: `(n,)` or None.
        num_train: int.
        lossy: bool, JPEG copies of what was published.
        about: dict, what the data are, for `config.json`.
        is_folder: bool.
    """

    def __init__(self, images: Images, options: Any, is_folder: bool = False):
        x, labels, x_test, test_labels = images.x_train, images.y_train, images.x_test, images.y_test
        train, validation, held_out = check_rows(len(x), options)
        if x_test is None:
            x_test, test_labels = x[held_out], None if labels is None else labels[held_out]
        else:
            train = np.setdiff1d(np.arange(len(x)), validation)
        order = np.random.default_rng(options.seed).permutation(len(x_test))  # a set may be sorted by its labels
        self.test, self.test_labels = x_test[order], None if test_labels is None else test_labels[order]
        if images.x_valid is None:
            self.sample, self.validation = x[train], x[validation]
        else:
            self.sample, self.validation = x, images.x_valid
        self.shape, self.binary, self.num_train = x.shape[1:], bool(np.isin(x, (0, 1)).all()), len(self.sample)
        self.lossy, self.is_folder = images.lossy, is_folder
        self.about = {"sha256": array_hash(x), "images": len(x), "labelled": labels is not None}

    def naming_what_is_damaged(self) -> Any:
        """A context in which the training reads: see `ImageFolder`."""
        return contextlib.nullcontext()

    def training_data(self, row: tuple[int, ...], options: Any) -> Any:
        """What `fit_in_run` trains on, in rows of that shape: an array, or a function of the first epoch to a data set."""
        del options
        return self.sample.reshape(-1, *row).astype("float32")


class StreamedParts(ImageParts):
    """A folder too large for memory: trained on from disk, with a sample of each part held."""

    def __init__(self, folder: ImageFolder, options: Any):
        self.folder = folder
        rng = np.random.default_rng(options.seed)
        self.rows, validation, held_out = (rng.permutation(part) for part in check_rows(len(folder), options))
        self.sample = folder.read(self.rows[:_SAMPLE])
        self.validation, self.test = folder.read(validation[:_EVALUATED]), folder.read(held_out[:_EVALUATED])
        labels = folder.labels()
        self.test_labels = None if labels is None else labels[held_out[:_EVALUATED]]
        self.shape, self.num_train = folder.shape, len(self.rows)
        if self.shape[-1] == 1:
            self.shape = self.shape[:2]
            self.sample, self.validation, self.test = (x[..., 0] for x in (self.sample, self.validation, self.test))
        self.binary, self.lossy, self.is_folder = bool(np.isin(self.sample, (0, 1)).all()), False, True
        self.about = {"sha256": folder.hash(), "images": len(folder), "labelled": labels is not None}

    def naming_what_is_damaged(self) -> Any:
        return self.folder.naming_what_is_damaged()

    def training_data(self, row: tuple[int, ...], options: Any) -> Any:
        import tensorflow as tf

        def from_epoch(epoch):
            batches = self.folder.batches(self.rows, options.batch_size, options.seed, epoch)
            return batches.map(lambda images: tf.reshape(images, [-1, *row]))

        return from_epoch


def read_parts(data: Any, options: Any) -> ImageParts:
    """The `ImageParts` of an array, of `Images`, of a known set or of a folder."""
    if isinstance(data, Images):
        return ImageParts(data, options)
    if not isinstance(data, str | Path):
        array = np.asarray(data)
        if array.ndim not in (3, 4):
            raise UserError(f"`data` must be images (n, H, W) or (n, H, W, C), but has the shape {array.shape}.")
        return ImageParts(Images(ImageCodec(tuple(array.shape[1:])).check(array), None), options)
    if str(data) in KNOWN:
        if options.image_size is not None:
            raise UserError(f"`image_size` is for a folder of images, but {data} is a set of one size.")
        return ImageParts(load_images(data), options)
    check_rows(len(image_files(data)), options)
    start_tensorflow()  # which reads a folder's images
    size = None if options.image_size is None else (options.image_size, options.image_size)
    folder = ImageFolder(data, size)
    if 4 * len(folder) * np.prod(folder.shape) > HELD_BYTES:
        return StreamedParts(folder, options)
    pixels = folder.read()
    pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return ImageParts(Images(pixels, folder.labels()), options, is_folder=True)


def check_rows(n: int, options: Any) -> Any:
    """Row numbers (train, validation, held-out); UserError where n are too few to hold some out, or for the prior."""
    parts = split_rows(n, options.holdout, options.seed)
    if options.prior:
        PriorChoice.parse(options.prior).check(len(parts[0]))
    return parts
