"""Images of one size, as rows of pixels and back."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.codecs.codec import Codec
from tfvae.data.arrays import read_arrays
from tfvae.data.files import replacing
from tfvae.data.images import KNOWN, load_image_folder, load_images
from tfvae.data.tiling import tiled
from tfvae.host.errors import UserError


@dataclasses.dataclass(frozen=True)
class ImageCodec(Codec):
    """Images `(n, H, W)` or `(n, H, W, C)` in [0, 1] <-> `(n, H·W·C)`; densities are those of pixels scaled to [0, 1].

    Args:
        shape: (H, W) or (H, W, C).
        binary: bool, every pixel is 0 or 1.
    """

    kind = "images"
    suffixes = (".npy", ".npz", ".png")

    shape: tuple
    binary: bool = False

    @classmethod
    def fit(cls, images: np.ndarray) -> Any:
        """The codec of an array of images."""
        return cls(tuple(images.shape[1:]), bool(np.isin(images, (0, 1)).all()))

    @property
    def num_pixels(self) -> int:
        return int(np.prod(self.shape))

    def read(self, data: Any) -> Any:
        """The images of a folder, a .npy or .npz file, or the test images of a known set."""
        path = Path(data)
        images: Any
        if path.is_dir():
            mode = {1: "grayscale", 3: "rgb", 4: "rgba"}[self.shape[2] if len(self.shape) == 3 else 1]
            images = load_image_folder(path, self.shape[:2], mode)[0]
            images = images.reshape(len(images), *self.shape)
        elif path.suffix.lower() in (".npy", ".npz"):
            images = _read_array(path)
        elif data in KNOWN:
            images = load_images(data).x_test
        else:
            raise UserError(f"There is no folder, .npy or .npz file or set of images {str(data)!r}.")
        return self.check(images)

    def check(self, images: np.ndarray) -> Any:
        """The images as float32, or a UserError that says what is wrong with them."""
        if images.shape[1:] not in (self.shape, (self.num_pixels,)):
            raise UserError(f"The images have shape {images.shape[1:]}, but this model takes {self.shape}.")
        if not len(images):
            raise UserError("There is no image.")
        if images.dtype.kind not in "fiub":
            raise UserError(f"Images must be numbers, but are {images.dtype}.")
        if not np.isfinite(images).all():
            raise UserError("The images have NaN or infinite pixels: remove or fill them.")
        if images.min() < 0 or images.max() > 1:
            raise UserError(
                f"Pixels must be in [0, 1], but are from {np.min(images):g} to {np.max(images):g}: "
                "divide pixels of 0 to 255 by 255."
            )
        if self.binary and not np.isin(images, (0, 1)).all():
            raise UserError(
                "This model was trained on pixels of 0 and 1, but these have grey values: binarize them first."
            )
        return images.reshape(len(images), *self.shape).astype("float32", copy=False)

    def write(self, images: np.ndarray, path: str | Path) -> None:
        path = Path(path)
        writers = {
            ".png": _write_png,
            ".npy": lambda x, p: np.save(p, x),
            ".npz": lambda x, p: np.savez_compressed(p, x=x),
        }
        try:
            with replacing(path) as temporary:
                writers[path.suffix.lower()](images, temporary)
        except OSError as error:
            raise UserError(f"{path} cannot be written ({error.strerror}).") from None

    def transform(self, images: np.ndarray, seed: int = 0) -> np.ndarray:
        return images.reshape(len(images), -1).astype("float32", copy=False)

    def inverse(self, vectors: np.ndarray) -> Any:
        return np.asarray(vectors, "float32").reshape(-1, *self.shape)

    def to_config(self) -> dict:
        return {"shape": list(self.shape), "binary": self.binary}

    @classmethod
    def from_config(cls, config: dict, folder: Any = None, model: str | None = None) -> Any:
        return cls(tuple(config["shape"]), config["binary"])


def _read_array(path):
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    arrays = read_arrays(path)
    if not arrays:
        raise UserError(f"{path} holds no array.")
    return arrays.get("x", next(iter(arrays.values())))


def _write_png(images, path):
    """A grid of the images; ten in a row."""
    from PIL import Image

    canvas = np.nan_to_num(tiled(images), nan=1.0)
    Image.fromarray((np.clip(canvas, 0, 1) * 255).round().astype("uint8")).save(path, format="png")
