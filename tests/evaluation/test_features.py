"""Fréchet distance, density and coverage against their closed forms and null levels."""

import numpy as np
import pytest

import tfvae
from tfvae import layers
from tfvae.evaluation import (
    density_and_coverage,
    frechet_distance,
    interpolation_report,
    null_coverage,
    posterior_use,
    train_feature_network,
)


def test_frechet_distance_of_gaussians_with_commuting_covariances():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(200_000, 3)) * [1, 2, 3]
    b = rng.normal(size=(200_000, 3)) * [2, 2, 1] + [1, 0, 0]
    assert frechet_distance(a, b) == pytest.approx(1 + 1 + 4, rel=0.02)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_frechet_distance_has_its_null_level():
    rng = np.random.default_rng(1)
    n, d = 2000, 16
    found = [frechet_distance(rng.normal(size=(n, d)), rng.normal(size=(n, d))) for _ in range(5)]
    assert np.mean(found) == pytest.approx(2 * d / n + d * (d + 1) / (2 * n), abs=5 * 0.0092 / np.sqrt(5))


def test_density_and_coverage_have_their_null_levels_and_see_what_they_are_for():
    rng = np.random.default_rng(2)
    real, same = rng.normal(size=(2, 1000, 2))
    density, coverage = density_and_coverage(real, same)
    assert null_coverage(1000, 1000) == pytest.approx(0.9690, abs=5e-5)
    assert coverage == pytest.approx(null_coverage(1000, 1000), abs=5 * 0.008)
    assert density == pytest.approx(1, abs=0.15)
    half = same[same[:, 0] > 0]
    assert density_and_coverage(real, half[:400])[1] < 0.6  # a dropped half
    assert density_and_coverage(real, 5 * same)[0] < 0.3  # too wide
    assert density_and_coverage(real, same, chunk=7) == (density, coverage)
    with pytest.raises(ValueError, match="more than k = 5 real points"):
        density_and_coverage(real[:4], same)


def test_feature_network_learns_its_classes():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 600)
    x = (rng.random((600, 12, 12)) < 0.2 + 0.3 * (y == 1)[:, None, None]).astype("float32")
    x[y == 2, :6] = 1
    network, accuracy = train_feature_network(x, y, epochs=8)
    assert accuracy > 0.8
    assert network.predict(x[:5, ..., None], verbose=0).shape == (5, 32)


def test_posterior_use_of_known_mixtures():
    same = np.array([[0, 0, 1, 1, 0.5, 0.5, 1, 1, 0.5, 0.5]], "float32")  # equal weights, equal components
    far = np.array([[0, 0, 9, 9, 0.5, 0.5, -9, -9, 0.5, 0.5]], "float32")
    one = np.array([[30, -30, 9, 9, 0.5, 0.5, -9, -9, 0.5, 0.5]], "float32")
    use = [posterior_use(layers.MixtureNormal.new(p, 2, 2), num_draws=500) for p in (same, far, one)]
    assert [u["posterior_components"] for u in use] == pytest.approx([2, 2, 1], abs=1e-3)
    assert use[0]["non_gaussianity"] == pytest.approx(0, abs=1e-3)
    assert use[1]["non_gaussianity"] > 3
    assert use[2]["non_gaussianity"] == pytest.approx(0, abs=1e-3)


def test_interpolation_finds_the_gap_between_islands():
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    vae = tfvae.make_dense_vae(3, 2, (4,), prior=tfvae.priors.MixturePrior(2, 2, epsilon=1e-3))
    vae.prior.loc.assign([[-3.0, 0.0], [3.0, 0.0]])

    class Placed:
        """The model, with an encoder that puts its first input at one end and its second at the other."""

        decode, prior, log_likelihood = vae.decode, vae.prior, vae.log_likelihood

        def __init__(self, *ends):
            self.ends = iter(ends)

        def encode(self, x):
            params = np.tile([[next(self.ends), 0, -3, -3]], (len(x), 1)).astype("float32")
            return layers.IndependentNormal(2)(params)

    apart, together = (interpolation_report(Placed(*ends), x, x, num_samples=5) for ends in ((-3.0, 3.0), (3.0, 3.0)))
    assert apart["prior_drop"] > 15  # half of (3 / 0.5)², less what two components share
    assert abs(together["prior_drop"]) < 0.1
