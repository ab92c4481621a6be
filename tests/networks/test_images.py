"""Residual networks and patch discriminators: the published sizes, what a patch sees, and what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae import layers, networks
from tfvae.networks.resnet_v2 import check_levels

FACES = (256, 256, 3)


def test_the_published_numbers_of_parameters():
    encoder = networks.resnet_v2_encoder(FACES, layers.LogVarianceNormal(512), normalization="frozen")
    sampler = encoder.get_layer("params").count_params()
    assert (encoder.count_params() - sampler, sampler) == (5_882_944, 1_049_600)
    likelihood = layers.IndependentLaplace(FACES, "mean", scale=1.0)
    assert networks.resnet_v2_decoder(512, FACES, likelihood).count_params() == 4_049_522
    assert networks.patch_gan(FACES).count_params() == 412_101


@pytest.mark.parametrize(
    ("make", "shape", "field"),
    [
        (networks.patch_gan, (32, 32, 1), 63),
        (networks.pix2pix_patch_gan, (30, 30, 1), 70),
        (lambda shape, **k: networks.pix2pix_patch_gan(shape, num_levels=2, **k), (62, 62, 1), 34),
    ],
)
def test_the_published_receptive_fields(make, shape, field):
    """Which pixels move the logit in the middle."""
    network = make(FACES, width=4, normalization="frozen")
    image = tf.Variable(tf.random.uniform((1, *FACES)))
    with tf.GradientTape() as tape:
        logits = network(image)
        middle = logits[0, shape[0] // 2, shape[1] // 2, 0]
    assert tuple(logits.shape[1:]) == shape
    moved = np.any(tape.gradient(middle, image)[0] != 0, axis=-1)
    for axis in (0, 1):
        rows = np.flatnonzero(moved.any(axis=axis))
        assert rows[-1] - rows[0] + 1 == field


def test_frozen_statistics_stay_and_trained_ones_move():
    images = tf.random.uniform((4, 16, 16, 3), maxval=5.0)
    for kind, moves in (("frozen", False), ("batch", True)):
        network = networks.patch_gan((16, 16, 3), 4, normalization=kind)
        before = [v.numpy() for v in network.non_trainable_variables if "moving" in v.path]
        inside, outside = network(images, training=True), network(images, training=False)
        assert any((v.numpy() != b).any() for v, b in zip(
            [v for v in network.non_trainable_variables if "moving" in v.path], before, strict=True)) == moves  # fmt: skip
        assert np.allclose(inside, outside, atol=1e-5) != moves


def test_levels_follow_the_image():
    assert [check_levels((n, n, 1), None) for n in (8, 28, 32, 64, 256)] == [1, 2, 3, 4, 6]
    assert check_levels((32, 48, 3), None) == 3
    encoder = networks.resnet_v2_encoder((28, 28, 1), layers.IndependentNormal(8), 4)
    assert encoder(tf.zeros((2, 28, 28, 1))).shape == (2, 8)
    decoder = networks.resnet_v2_decoder(8, (28, 28, 1), layers.IndependentLaplace((28, 28, 1), "mean", scale=1.0), 4)
    assert decoder(tf.zeros((2, 8))).shape == (2, 28, 28, 1)
    assert decoder.output_shape == (None, 28, 28, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: networks.resnet_v2_encoder((33, 32, 3), layers.IndependentNormal(4)), "33 × 32 cannot be halved once"),
        (
            lambda: networks.resnet_v2_encoder((36, 36, 3), layers.IndependentNormal(4), num_levels=3),
            "divisible by 8, but",
        ),
        (
            lambda: networks.resnet_v2_encoder((32, 32), layers.IndependentNormal(4)),
            r"shape \(H, W, C\), but got \(32, 32\)",
        ),
        (lambda: networks.resnet_v2_decoder(4, (8, 8, 3), layers.IndependentNormal((8, 8, 3))), "give it a `scale`"),
        (lambda: networks.patch_gan((4, 8, 3)), "of 8 × 8 pixels at least"),
        (lambda: networks.patch_gan((8, 8, 3), normalization="group"), "one of frozen, batch, but got 'group'"),
    ],
)
def test_what_does_not_fit_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("shape", "padding", "published"), [
    ((28, 28, 1), "valid", 5_432_636), ((16, 16, 1), "same", 1_405_596),
])  # fmt: skip
def test_cells_have_the_published_numbers_of_parameters(shape, padding, published):
    """Of the Poisson VAE with 512 latents, whose decoder is one linear map, and prior's rates."""
    encoder = networks.cell_encoder(shape, layers.PoissonPosterior(512), padding=padding)
    assert encoder.count_params() + 512 * (shape[0] * shape[1] + 1) == published


def test_cells_encode_and_decode_and_are_saved(tmp_path):
    for side, sizes in ((28, [2, 4, 8, 16, 28]), (16, [2, 4, 8, 16]), (4, [2, 4])):
        shape = (side, side, 3)
        decoder = networks.cell_decoder(5, shape, layers.IndependentNormal(shape, "mean", scale=1.0), 8)
        assert sorted({layer.output.shape[1] for layer in decoder.layers if "conv2d" in layer.name}) == sizes
        assert decoder(tf.zeros((2, 5))).shape == (2, *shape)
    encoder = networks.cell_encoder((7, 7, 1), layers.IndependentNormal(3), 4)
    images = np.random.default_rng(0).random((2, 7, 7, 1), "float32")
    encoder.save(tmp_path / "e.keras")
    again = keras.models.load_model(tmp_path / "e.keras")
    np.testing.assert_allclose(again(images).distribution.mean(), encoder(images).distribution.mean(), rtol=1e-6)
    with pytest.raises(ValueError, match="must come down to 4 × 4"):
        networks.cell_encoder((8, 32, 1), layers.IndependentNormal(3))
    with pytest.raises(ValueError, match="must be square"):
        networks.cell_decoder(2, (9, 9, 1), layers.IndependentNormal((9, 9, 1)))


def test_weight_normalization_starts_as_a_plain_convolution():
    images = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    plain, normalized = keras.layers.Conv2D(4, 3), networks.WeightNormalizedConv2D(4, 3)
    plain(images), normalized(images)
    plain.kernel.assign(normalized.kernel)
    np.testing.assert_allclose(normalized(images), plain(images), atol=1e-5)
    normalized.kernel.assign(7 * normalized.kernel)  # a direction alone
    np.testing.assert_allclose(normalized(images), plain(images), atol=1e-5)
