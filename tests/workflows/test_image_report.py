"""The baseline of images is of the same kind as the model: a probability beside a probability, a density beside a density."""

import numpy as np
import pytest
from scipy.stats import norm

import tfvae
from tfvae import layers
from tfvae.models.image_models import pixel_levels
from tfvae.workflows.image_report import _pixelwise


@pytest.mark.parametrize("levels", [2, 16, 256])
def test_probabilities_of_all_values_add_up_to_one(levels):
    train = np.random.default_rng(0).integers(0, levels, (200, 1)) / (levels - 1)
    values = np.arange(levels)[:, None] / (levels - 1)
    (log_p,) = _pixelwise(train, values, levels).values()
    assert np.exp(log_p).sum() == pytest.approx(1, rel=1e-6)


def test_a_density_is_scipys():
    x = np.random.default_rng(0).normal(size=(100, 2, 3))
    (log_p,) = _pixelwise(x, x[:5], None).values()
    expected = norm.logpdf(x[:5].reshape(5, -1), x.reshape(100, -1).mean(axis=0), x.reshape(100, -1).std(axis=0)).sum(
        axis=1
    )
    np.testing.assert_allclose(log_p, expected)


@pytest.mark.parametrize(
    ("likelihood", "levels"),
    [(layers.IndependentBernoulli, 2), (layers.IndependentDiscretizedLogistic, 256),
     (layers.IndependentContinuousBernoulli, None), (layers.IndependentNormal, None)],
)  # fmt: skip
def test_which_likelihoods_are_probabilities(likelihood, levels):
    assert pixel_levels(tfvae.make_dense_vae(4, 2, (3,), likelihood=likelihood(4))) == levels


def test_the_report_of_eight_bit_images_is_in_bits(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1)) / 255
    run = tfvae.fit_images(x.astype("float32"), tmp_path / "run", model="convolutional", latent_dim=2, hidden=(4,), epochs=1,
                           num_components=3, verbose=0)  # fmt: skip
    found = run.metrics
    assert found["bits_per_dimension"] == pytest.approx(found["nll"] / (64 * np.log(2)))
    assert found["comparison"][1]["nll"] == pytest.approx(64 * np.log(256), rel=0.1)  # which uniform pixels cost
    assert "probabilities of images whose pixels have 256 values" in found["notes"][0]
