"""What `keras.callbacks.TensorBoard` does not show: pictures."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.data.tiling import tiled
from tfvae.models.layered import as_vae
from tfvae.models.vae import VAE

tfd = tfp.distributions


class ImageSummaries(keras.callbacks.Callback):
    """Writes, at the end of each epoch, a grid of samples and one of reconstructions for TensorBoard; decoder means.

    Beside `keras.callbacks.TensorBoard(log_dir)`, whose scalars are the loss and its terms.

    Args:
        log_dir: folder; the pictures go into its subfolder "images".
        images: `(n, H, W)` or `(n, H, W, C)` in [0, 1], to be reconstructed; as many samples are drawn. The model takes
            them as they are, or flat where it takes rows.
        columns: images in a row.
        seed: of the samples, the same at every epoch so that they can be followed.
    """

    def __init__(self, log_dir: str | Path, images: np.ndarray, columns: int = 8, seed: int = 0):
        super().__init__()
        self.images = np.asarray(images, "float32")
        if self.images.ndim not in (3, 4):
            raise ValueError(
                f"`images` must have shape (n, H, W) or (n, H, W, C), but has {self.images.shape}: reshape the rows."
            )
        self.log_dir, self.columns, self.seed = Path(log_dir), columns, seed

    def on_train_begin(self, logs: Any = None) -> None:
        self.writer = tf.summary.create_file_writer(str(self.log_dir / "images"))
        self.vae = self.model if isinstance(self.model, VAE) else as_vae(self.model, _means_alone)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        n, shape = len(self.images), self.vae.encoder.input_shape[1:]
        reconstructions = self.vae.reconstruct(self.images.reshape(n, *shape), self.seed, mean=True)
        samples = self.vae.sample(n, self.seed, mean=True)
        pairs = np.stack([self.images, reconstructions.reshape(self.images.shape)], axis=1)
        with self.writer.as_default(step=epoch):
            tf.summary.image("samples", self._grid(samples.reshape(self.images.shape)))
            tf.summary.image("images and reconstructions", self._grid(pairs.reshape(-1, *self.images.shape[1:])))
        self.writer.flush()

    def on_train_end(self, logs: Any = None) -> None:
        self.writer.close()

    def _grid(self, images):
        canvas = np.clip(np.nan_to_num(tiled(images, self.columns), nan=1.0), 0, 1)
        return canvas[None] if canvas.ndim == 3 else canvas[None, ..., None]


def _means_alone(means):
    """p(x|z) as nothing but its mean: what a `VariationalLayer` of the user's own may not say."""
    return tfd.Independent(tfd.Deterministic(means), means.shape.rank - 1)
