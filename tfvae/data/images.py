"""Images as float32 in [0, 1]: the known sets, a folder of one's own, and binarization."""

import dataclasses
import itertools
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.data.image_folder import ImageFolder
from tfvae.host.errors import UserError

DAMAGED = (ValueError, TypeError, OSError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)  # .npz files
# name -> (file in TFVAE_DATA, what it is)
KNOWN = {
    "mnist": ("mnist.npz", "60,000 + 10,000 handwritten digits, 28 x 28 grey"),
    "fashion-mnist": ("fashion_mnist.npz", "60,000 + 10,000 articles of clothing, 28 x 28 grey"),
    "binarized-mnist": ("binarized_mnist.npz", "Larochelle's static binarization, 50,000 + 10,000 + 10,000, 28 x 28"),
    "cifar10": ("cifar10_jpeg.npz", "50,000 + 10,000 photographs, 32 x 32 RGB"),
    "celeba-faces": ("celeba_faces_64_jpeg_part1.npz", "22,000 + 2,000 faces, 64 x 64 RGB"),
    "digits": (None, "scikit-learn's 1797 handwritten digits, 8 x 8 grey"),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """A set of images, `(n, H, W)` or `(n, H, W, C)`, or flat `(n, H·W·C)`; float32 in [0, 1], labels as integers.

    Parts and labels that a set does not have are None.
    """

    x_train: np.ndarray
    y_train: np.ndarray | None = None
    x_test: np.ndarray | None = None
    y_test: np.ndarray | None = None
    x_valid: np.ndarray | None = None
    y_valid: np.ndarray | None = None
    lossy: bool = False  # JPEG copies: never for bits per dimension that are compared with published ones

    def flat(self) -> "Images":
        """The same with each image as one row."""
        rows = {k: v.reshape(len(v), -1) for k, v in vars(self).items() if k.startswith("x_") and v is not None}
        return dataclasses.replace(self, **rows)


def load_images(name: Any) -> Images:
    """The `Images` of that name: from the folder `TFVAE_DATA`, else by Keras' own download.

    Args:
        name: "mnist", "fashion-mnist", "binarized-mnist", "cifar10", "celeba-faces" or "digits".

    Raises:
        UserError: where there is no such set, or it can be neither found nor downloaded.
    """
    if name not in KNOWN:
        raise UserError(f"There is no image set {name!r}: choose one of {', '.join(KNOWN)}.")
    if name == "digits":
        return _digits()
    path = Path(os.environ.get("TFVAE_DATA") or "no folder") / str(KNOWN[name][0])
    if not path.is_file():
        return _downloaded(name, path.name)
    try:
        if name == "celeba-faces":
            return _faces(path.parent)
        with np.load(path, allow_pickle=False) as arrays:
            return _packed(arrays) if "jpeg_train" in arrays else _unpacked(arrays)
    except DAMAGED as error:
        raise UserError(f"{path} cannot be read, it is damaged or truncated: {error}") from None


def load_image_folder(
    path: str | Path, image_size: Any = None, color_mode: str | None = None, labels: Any = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """The images (.bmp, .gif, .jpeg, .png) under a folder, as float32 `(n, H, W, C)` in [0, 1], in the order of their paths.

    Args:
        path: a folder, with its subfolders.
        image_size: (height, width) that all are resized to; None for that of the first.
        color_mode: "rgb", "rgba" or "grayscale" (then C = 1); None for grayscale where the first image is grey, else rgb.
        labels: "inferred" for a label from each image's subfolder; None for no labels.

    Returns:
        (images, labels): labels an int array `(n,)`, or None.

    Raises:
        UserError: where there is no image, or one cannot be read; it is named.
    """
    folder = ImageFolder(path, image_size, color_mode)
    return folder.read(), None if labels is None else folder.labels()


def binarize(x: Any, seed: int) -> np.ndarray:
    """Each pixel of `x`, in [0, 1], as 1 with that probability and 0 otherwise: one draw, float32."""
    x = np.asarray(x)
    _check_probabilities(x)
    return (np.random.default_rng(seed).random(x.shape, "float32") < x).astype("float32")


def dynamically_binarized(x: Any, batch_size: Any, seed: int = 0, shuffle: bool = True, initial_epoch: int = 0) -> Any:
    """A `tf.data.Dataset` of batches of x whose pixels are drawn anew in every epoch, as a function of (seed, epoch).

    An epoch is one pass over the data set, counted from `initial_epoch`, whoever makes it.

    Source: Salakhutdinov and Murray, "On the quantitative analysis of deep belief networks" (2008).
    """
    import tensorflow as tf

    x = np.asarray(x, "float32")
    _check_probabilities(x)

    def draw(rows, key):
        return tf.cast(tf.random.stateless_uniform(tf.shape(rows), key) < rows, tf.float32)

    return _changing(x, draw, batch_size, seed, shuffle, initial_epoch)


def randomly_mirrored(x: Any, batch_size: Any, seed: int = 0, shuffle: bool = True, initial_epoch: int = 0) -> Any:
    """A `tf.data.Dataset` of batches of images `(n, H, W, C)`, each mirrored left to right or not by a fair coin.

    The coins and the order are a function of (seed, epoch), as for `dynamically_binarized`.
    """
    import tensorflow as tf

    def mirror(rows, key):
        heads = tf.random.stateless_uniform(tf.shape(rows)[:1], key) < 0.5
        return tf.where(heads[:, None, None, None], rows[:, :, ::-1], rows)

    return _changing(np.asarray(x, "float32"), mirror, batch_size, seed, shuffle, initial_epoch)


def _changing(x, change, batch_size, seed, shuffle, initial_epoch):
    """Batches `change(rows, key)`, with a key for each batch that is a function of (seed, epoch)."""
    import tensorflow as tf

    n, counter = len(x), itertools.count(initial_epoch)
    data = tf.constant(x)

    def epoch(number):
        order = tf.range(n)
        if shuffle:
            order = tf.random.experimental.stateless_shuffle(order, seed=tf.stack([tf.cast(seed, tf.int64), number]))

        def changed(index, rows):
            return change(tf.gather(data, rows), tf.stack([tf.cast(seed, tf.int64) + 2**31, number * n + index]))

        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size).enumerate().map(changed)

    # A new iterator is a new epoch.
    epochs = tf.data.Dataset.from_generator(lambda: iter([next(counter)]), output_signature=tf.TensorSpec((), tf.int64))
    dataset = epochs.flat_map(epoch).apply(tf.data.experimental.assert_cardinality(-(-n // batch_size)))
    return dataset.prefetch(tf.data.AUTOTUNE)


def _check_probabilities(x):
    if not x.size or not (x.min() >= 0 and x.max() <= 1):  # NaN is neither
        raise ValueError("Binarization takes pixels in [0, 1] as probabilities: divide pixels of 0 to 255 by 255.")


def _unit(pixels):
    pixels = np.asarray(pixels)
    return pixels.astype("float32") / np.float32(255 if pixels.dtype.kind in "iu" and pixels.max() > 1 else 1)


def _unpacked(arrays):
    parts = {k: arrays[k] for k in ("x_train", "y_train", "x_test", "y_test", "x_valid", "y_valid") if k in arrays}
    return Images(**{k: _unit(v) if k[0] == "x" else v for k, v in parts.items()})


def _packed(arrays):
    """CIFAR-10 as JPEG files, joined."""

    def images(part):
        return _unit(np.stack(_decoded(arrays[f"jpeg_{part}"], arrays[f"offsets_{part}"])))

    return Images(images("train"), arrays["y_train"].ravel(), images("test"), arrays["y_test"].ravel(), lossy=True)


def _faces(folder):
    """Both parts of the faces, the last 2,000 to test on."""
    found = []
    for part in (1, 2):
        with np.load(folder / f"celeba_faces_64_jpeg_part{part}.npz", allow_pickle=False) as arrays:
            found += _decoded(arrays["jpeg"], arrays["offsets"])
    return Images(_unit(np.stack(found[:-2000])), x_test=_unit(np.stack(found[-2000:])), lossy=True)


def _decoded(data, offsets):
    import io

    from PIL import Image

    pieces = (data[a:b].tobytes() for a, b in itertools.pairwise(offsets))
    return [np.asarray(Image.open(io.BytesIO(piece))) for piece in pieces]


def _digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    x, y = (data.images / 16).astype("float32"), data.target
    order = np.random.default_rng(0).permutation(len(x))  # the set has no parts: these are ours
    train, test = np.sort(order[360:]), np.sort(order[:360])
    return Images(x[train], y[train], x[test], y[test])


def _downloaded(name, file):
    import keras

    modules = {"mnist": "mnist", "fashion-mnist": "fashion_mnist", "cifar10": "cifar10"}
    advice = f"set TFVAE_DATA to a folder that holds {file}"
    if name not in modules:
        raise UserError(f"The image set {name!r} is not here, and Keras cannot download it: {advice}.")
    try:
        (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, modules[name]).load_data()
    except Exception as error:
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"The image set {name!r} is not here and cannot be downloaded ({reason}): {advice}.") from None
    return Images(_unit(x_train), y_train.ravel(), _unit(x_test), y_test.ravel())
