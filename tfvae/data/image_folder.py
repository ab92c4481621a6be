"""A folder of images, read as they are needed."""

import contextlib
import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.host.errors import UserError

_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


class ImageFolder:
    """The images under a folder in the order of their paths, in one size; nothing is held but the paths.

    Args:
        path: a folder, with its subfolders; hidden ones are left out.
        image_size: (height, width) that all are cropped at the centre and resized to; None for that of the first.
        color_mode: "rgb", "rgba" or "grayscale" (then C = 1); None for grayscale where the first image is grey, else rgb.

    Attributes:
        files: their paths.
        shape: (H, W, C).

    Raises:
        UserError: where there is no image, or the first one cannot be read.
    """

    def __init__(self, path: str | Path, image_size: Any = None, color_mode: str | None = None):
        self.path = Path(path)
        self.files = image_files(path)
        first = _first(self.files[0])
        grey = first.mode in ("1", "L", "I", "I;16")
        channels = {"grayscale": 1, "rgb": 3, "rgba": 4}[color_mode or ("grayscale" if grey else "rgb")]
        self.shape = (*(image_size or first.size[::-1]), channels)

    def __len__(self) -> int:
        return len(self.files)

    def labels(self) -> np.ndarray | None:
        """A number for each image's subfolder, `(n,)`; None where some lie in none."""
        if any(file.parent == self.path for file in self.files):
            return None
        return np.unique([str(file.parent) for file in self.files], return_inverse=True)[1]

    def hash(self) -> str:
        """Of the paths and sizes of all files."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(f"{file.relative_to(self.path)}\0{file.stat().st_size}\n".encode())
        return digest.hexdigest()

    def read(self, rows: Any = None) -> np.ndarray:
        """These images, or all, as float32 `(n, H, W, C)` in [0, 1].

        Raises:
            UserError: where one cannot be read; it is named.
        """
        rows = np.arange(len(self)) if rows is None else np.asarray(rows)
        images = np.empty([len(rows), *self.shape], "float32")  # filled in place: they may be half of what memory holds
        with self.naming_what_is_damaged():
            for k, image in enumerate(self._decoded(rows).as_numpy_iterator()):
                images[k] = image
        return images

    def batches(self, rows: Any, batch_size: int, seed: int | None = None, initial_epoch: int = 0) -> Any:
        """A `tf.data.Dataset` of these images in batches; a new iterator is a new epoch, in an order of (seed, epoch)."""
        import tensorflow as tf

        rows, counter = tf.constant(rows, tf.int64), itertools.count(initial_epoch)

        def epoch(number):
            order = rows
            if seed is not None:
                order = tf.random.experimental.stateless_shuffle(rows, tf.stack([tf.cast(seed, tf.int64), number]))
            return self._decoded(order).batch(batch_size)

        epochs = tf.data.Dataset.from_generator(
            lambda: iter([next(counter)]), output_signature=tf.TensorSpec((), tf.int64)
        )
        count = -(-len(rows) // batch_size)
        return epochs.flat_map(epoch).apply(tf.data.experimental.assert_cardinality(count)).prefetch(2)

    def _decoded(self, rows):
        import tensorflow as tf

        files, (*size, channels) = tf.constant([str(file) for file in self.files]), self.shape

        def load(row):
            data = tf.io.read_file(tf.gather(files, row))
            image = tf.io.decode_image(data, channels, expand_animations=False)
            image = tf.image.resize(_centre(image, *size), size, antialias=True) / 255.0
            return tf.ensure_shape(tf.clip_by_value(image, 0.0, 1.0), self.shape)

        return tf.data.Dataset.from_tensor_slices(rows).map(load, tf.data.AUTOTUNE)

    @contextlib.contextmanager
    def naming_what_is_damaged(self) -> Iterator[None]:
        """A context in which an error of TensorFlow's decoder, which does not say where, becomes one that does.

        Other errors, and one of a file that is whole when it is looked at again, stay what they are.
        """
        import tensorflow as tf

        try:
            yield
        except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError):
            for file in self.files:
                try:
                    tf.io.decode_image(tf.io.read_file(str(file)), self.shape[-1], expand_animations=False)
                except tf.errors.OpError:
                    raise UserError(f"{file} cannot be read: it is damaged or not an image.") from None
            raise


def _centre(image, height, width):
    """The largest part in the middle of an image that has the shape of height × width."""
    import tensorflow as tf

    h, w = tf.shape(image)[0], tf.shape(image)[1]
    high = tf.minimum(h, tf.maximum(1, w * height // width))
    wide = tf.minimum(w, tf.maximum(1, h * width // height))
    return image[(h - high) // 2 : (h - high) // 2 + high, (w - wide) // 2 : (w - wide) // 2 + wide]


def image_files(path):
    """The image files under a folder in the order of their paths, without hidden ones; UserError where there are none."""
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"There is no folder {path}.")
    found = (p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES)
    files = sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(path).parts))
    if not files:
        raise UserError(f"{path} holds no image that can be read: .bmp, .gif, .jpeg, .jpg or .png.")
    return files


def _first(file):
    """The image that tells size and mode, before TensorFlow is started."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            image.load()
            return image
    except Exception:
        raise UserError(f"{file} cannot be read: it is damaged or not an image.") from None
