"""Patches are split by picture, and files that hold none are said to."""

import numpy as np
import pytest

from tfvae.data import load_patches
from tfvae.host.errors import UserError


def test_no_picture_is_on_both_sides(tmp_path):
    picture = np.repeat(np.arange(10), 7)
    patches = np.broadcast_to(picture[:, None, None], (70, 4, 4)).astype("int8")
    np.savez(tmp_path / "p.npz", patches=patches, image=picture, scale=np.array([0.5], "float32"))
    train, test = load_patches(tmp_path / "p.npz")
    assert (train.shape, test.shape, train.dtype) == ((56, 4, 4), (14, 4, 4), np.float32)
    assert sorted(set(np.unique(test))) == [4.0, 4.5]
    assert not set(np.unique(train)) & set(np.unique(test))


def test_bad_files_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.delenv("TFVAE_DATA", raising=False)
    with pytest.raises(UserError, match="There are no patches in"):
        load_patches()
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    np.savez(tmp_path / "one.npz", patches=np.zeros((5, 4, 4)), image=np.zeros(5))
    np.savez(tmp_path / "short.npz", patches=np.zeros((5, 4, 4)), image=np.arange(4))
    np.savez(tmp_path / "flat.npz", patches=np.zeros((5, 4)), image=np.arange(5))
    np.savez(tmp_path / "nan.npz", patches=np.full((5, 4, 4), np.nan), image=np.arange(5))
    for name, message in (
        ("flat", r"needs patches of shape \(n, H, W\)"),
        ("nan", "of finite numbers"),
        ("bad", "cannot be read as patches"),
        ("other", "cannot be read as patches"),
        ("one", "needs patches of several pictures"),
        ("short", "has 5 patches, 4 numbers and 4 pictures"),
    ):
        with pytest.raises(UserError, match=message):
            load_patches(tmp_path / f"{name}.npz")
