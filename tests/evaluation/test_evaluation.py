"""Measures against the oracles of the literature: perfect samplers, dropped modes, closed forms."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from tests.test_importance import linear_gaussian_vae
from tfvae import data, evaluation, priors
from tfvae.experiments.gaussian_mixture.figures import log_density


@pytest.mark.parametrize("make", [data.gaussian_ring, data.gaussian_grid, data.four_gaussians])
def test_a_perfect_sampler(make):
    truth, n = make(), 100_000
    report = evaluation.mode_report(truth, truth.sample(n, seed=0))
    assert report.modes == report.modes_covered == truth.num_modes
    assert report.high_quality_share == pytest.approx(
        0.98889, abs=5 * np.sqrt(0.98889 * 0.01111 / n)
    )  # 1 in 1.7 million
    assert report.sd_ratio == pytest.approx(1, abs=0.01)
    assert report.core_share == pytest.approx(1 - np.exp(-1 / 8), abs=5 * np.sqrt(0.1175 * 0.8825 / n))
    assert report.reverse_kl == pytest.approx((truth.num_modes - 1) / (2 * n), abs=10 * truth.num_modes / (2 * n))
    assert report.bridge_mass == pytest.approx(np.exp(-8), abs=5 * np.sqrt(np.exp(-8) / n))


def test_doubled_width_dropped_modes_and_nothing_good():
    truth = data.gaussian_grid()
    wide = data.GaussianMixture(truth.centres, 2 * truth.sd).sample(100_000, seed=0)
    assert evaluation.mode_report(truth, wide).high_quality_share == pytest.approx(0.6753, abs=0.0075)
    half = data.GaussianMixture(truth.centres[::2], truth.sd).sample(100_000, seed=0)
    report = evaluation.mode_report(truth, half)
    assert (report.modes, report.modes_covered) == (13, 13)
    assert report.reverse_kl == pytest.approx(np.log(25 / 13), abs=2e-3)
    nowhere = evaluation.mode_report(truth, np.full((10, 2), 1.0))
    assert nowhere.reverse_kl == float("inf")
    assert nowhere.bridge_mass == 1
    assert np.isnan(nowhere.sd_ratio)
    moment = np.random.default_rng(0).normal(size=(1000, 2)) * np.sqrt(8)
    assert evaluation.mode_report(truth, moment).modes > evaluation.mode_report(truth, moment).modes_covered == 0
    with pytest.raises(ValueError, match="must be"):
        evaluation.mode_report(truth, np.zeros((0, 2)))


def test_components_and_reconstructions():
    truth = data.four_gaussians()
    locs = np.concatenate([truth.centres, truth.centres[:1]])[None].repeat(10, axis=0)
    locs[5:, 4] = truth.centres[1]  # one component serves two modes
    weights = np.full((10, 5), 0.2)
    used = evaluation.component_assignment(truth, weights, locs)
    assert used["used"] == 5
    assert used["shared"] == 1
    assert used["components_per_mode"] == [2, 2, 1, 1]
    assert used["mass"].sum() == pytest.approx(1)
    assert evaluation.same_mode_share(truth, truth.centres, truth.centres[[0, 1, 2, 0]]) == 0.75


def test_two_sample_distances_on_one_dimension_and_under_the_null():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(300, 1)), rng.normal(1, 2, size=(300, 1))
    squared = ((np.sort(a, axis=0) - np.sort(b, axis=0)) ** 2).mean()
    assert evaluation.sliced_wasserstein(a, b) == pytest.approx(np.sqrt(squared))
    assert wasserstein_distance(a[:, 0], b[:, 0]) <= np.sqrt(squared)
    assert evaluation.energy_distance(a, b) > 0.1
    truth = data.gaussian_grid()
    bandwidths = [0.05, 0.1, 0.2, 0.4]
    null = evaluation.two_sample_null(truth.sample, bandwidths, 500)
    half = data.GaussianMixture(truth.centres[::2], truth.sd).sample(500, seed=1)
    for name, value in evaluation.two_sample_distances(truth.sample(500, seed=99), half, bandwidths).items():
        mean, sd = null[name]
        assert value > mean + 2 * sd, name  # the median-bandwidth MMD would miss it
    for name in ("energy_distance", "mmd2"):
        assert abs(null[name][0]) < 5 * null[name][1] / np.sqrt(10)
    with pytest.raises(ValueError, match="equal size"):
        evaluation.sliced_wasserstein(a, b[:5])
    with pytest.raises(ValueError, match="Two samples"):
        evaluation.energy_distance(a, b[:, :0])


def test_mmd_equals_brute_force():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(20, 2)), rng.normal(size=(15, 2))

    def k(u, v):
        return np.exp(-((u - v) ** 2).sum() / 2)

    expected = (
        sum(k(u, v) for i, u in enumerate(a) for j, v in enumerate(a) if i != j) / (20 * 19)
        + sum(k(u, v) for i, u in enumerate(b) for j, v in enumerate(b) if i != j) / (15 * 14)
        - 2 * sum(k(u, v) for u in a for v in b) / (20 * 15)
    )
    assert evaluation.mmd2(a, b, [1.0]) == pytest.approx(expected)


def test_latent_report_of_a_collapsed_and_an_informative_posterior(x):
    vae = linear_gaussian_vae(priors.StandardNormal(2))
    vae.encoder.layers[0].set_weights(
        [np.zeros((3, 4), "float32"), np.array([0, 0, *[np.log(np.expm1(1.0))] * 2], "float32")]
    )
    collapsed = evaluation.latent_report(vae, x)
    assert collapsed.kl == pytest.approx(0, abs=1e-6)
    assert collapsed.active_units == 0
    assert collapsed.mutual_information == pytest.approx(0, abs=1e-5)
    kernel = np.zeros((3, 4), "float32")
    kernel[0, 0] = 100.0
    vae.encoder.layers[0].set_weights([kernel, np.array([0, 0, -5.0, 0.5], "float32")])
    sharp = evaluation.latent_report(vae, x)
    assert sharp.active_units == 1
    assert sharp.mutual_information == pytest.approx(np.log(64), abs=0.05)  # every code tells its example
    assert sharp.kl == pytest.approx(sum(sharp.kl_per_dimension), rel=1e-5)
    assert sharp.aggregate_kl == pytest.approx(sharp.kl - sharp.mutual_information)


def test_nll_gap_of_the_true_model_is_nothing():
    vae = linear_gaussian_vae(priors.StandardNormal(2))

    class Truth:
        def sample(self, n, seed):
            return vae.sample(n, seed=seed)

        def log_prob(self, x):
            from tests.test_importance import exact_log_prob

            return exact_log_prob(x, [1.0], np.zeros((1, 2)), np.ones((1, 2)))

    gap = evaluation.nll_gap(vae, Truth(), n=500, num_samples=5000)
    assert abs(gap["nll_gap"]) < 0.02
    x = Truth().sample(200, seed=1)
    np.testing.assert_allclose(log_density(vae, x, 2000), Truth().log_prob(x), atol=0.6)
