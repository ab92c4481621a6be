"""Rows in pieces."""

import keras
import numpy as np
import pytest

import tfvae
from tfvae.host import pieces
from tfvae.models.codes import codes


@pytest.fixture
def network():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(7), keras.layers.Dense(2)])


def test_rows_at_once_is_what_fits(network, monkeypatch):
    assert pieces.rows_at_once(network) == 2**16  # a small network: the greatest number
    held = sum(pieces.keras_door.output_sizes(pieces.keras_door.sublayers(network)))
    monkeypatch.setattr(pieces, "_NUMBERS", 10 * held)
    assert pieces.rows_at_once(network) == 10
    assert pieces.rows_at_once(network, network) == 5
    monkeypatch.setattr(pieces, "_NUMBERS", 1)
    assert pieces.rows_at_once(network) == 1


def test_pieces_are_the_rows_in_order(network, monkeypatch):
    monkeypatch.setattr(pieces, "rows_at_once", lambda *networks: 4)
    x = np.arange(10.0)
    parts = pieces.in_pieces(x, network)
    assert [len(part) for part in parts] == [4, 3, 3]
    np.testing.assert_array_equal(np.concatenate(parts), x)
    assert [len(part) for part in pieces.in_pieces(x[:0], network)] == [0]


def test_a_model_in_pieces_gives_all_rows(x, monkeypatch):
    vae = tfvae.make_dense_vae(3, 2, (8,))
    whole = vae.encode(x).distribution.mean()
    monkeypatch.setattr(pieces, "rows_at_once", lambda *networks: 7)
    assert vae.reconstruct(x, seed=0).shape == x.shape
    np.testing.assert_array_equal(vae.reconstruct(x, seed=0), vae.reconstruct(x, seed=0))
    assert (
        len(np.unique(vae.reconstruct(np.repeat(x[:1], 20, 0), seed=0), axis=0)) == 20
    )  # pieces have seeds of their own
    np.testing.assert_allclose(codes(vae, x, "means"), whole, rtol=1e-5)
