"""Patches of pictures of nature, whitened."""

import os
from pathlib import Path

import numpy as np

from tfvae.data.images import DAMAGED
from tfvae.host.errors import UserError

_FILE = "vanhateren_patches16.npz"


def load_patches(path: str | Path | None = None, test_share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """(training, test) patches, `(n, H, W)` float32; no picture has patches in both.

    Args:
        path: an .npz file with `patches` `(n, H, W)`, `image` `(n,)`, the number of each patch's picture, and perhaps
            `scale`, by which integers are multiplied; None for 16 × 16 of van Hateren's pictures in the folder `TFVAE_DATA`,
            log, whitened (Olshausen and Field's filter) and with their local contrast normalized.
        test_share: float, of the pictures, the last ones.

    Raises:
        UserError: where there is no such file, it cannot be read, or it holds a single picture.
    """
    path = Path(path or Path(os.environ.get("TFVAE_DATA") or "no folder") / _FILE)
    if not path.is_file():
        raise UserError(f"There are no patches in {path}: give a file, or set TFVAE_DATA to the folder with {_FILE}.")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            patches, picture = arrays["patches"].astype("float32"), arrays["image"]
            patches *= np.float32(arrays["scale"].item() if "scale" in arrays else 1)
    except DAMAGED as error:
        raise UserError(f"{path} cannot be read as patches: {error}") from None
    pictures = np.unique(picture)
    num_test = round(test_share * len(pictures))
    if patches.ndim != 3 or not np.isfinite(patches).all():
        raise UserError(f"{path} needs patches of shape (n, H, W) of finite numbers, but they have {patches.shape}.")
    if not 0 < num_test < len(pictures) or len(picture) != len(patches):
        raise UserError(
            f"{path} needs patches of several pictures, with a number in `image` for each patch, but it has "
            f"{len(patches)} patches, {len(picture)} numbers and {len(pictures)} pictures."
        )
    is_test = np.isin(picture, pictures[-num_test:])
    return patches[~is_test], patches[is_test]
