"""The Epanechnikov kernel against a scaled Beta(2, 2), and its smoothed form against a numerical convolution."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfvae.distributions import Epanechnikov, NormalSmoothedEpanechnikov, SmoothedEpanechnikov

LOC, RADIUS = 0.7, 2.5
BETA = scipy.stats.beta(2, 2, loc=LOC - RADIUS, scale=2 * RADIUS)


def test_density_cdf_quantile_entropy_and_moments_are_those_of_a_scaled_beta():
    d = Epanechnikov(LOC, RADIUS)
    z = np.linspace(LOC - 1.2 * RADIUS, LOC + 1.2 * RADIUS, 50).astype("float32")
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(d.log_prob(z), BETA.logpdf(z), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(d.cdf(z), BETA.cdf(z), atol=1e-6)
    p = np.linspace(0.01, 0.99, 20).astype("float32")
    np.testing.assert_allclose(d.quantile(p), BETA.ppf(p), atol=1e-5)
    assert float(d.entropy()) == pytest.approx(BETA.entropy(), abs=1e-5)
    assert float(d.mean()) == float(d.mode()) == pytest.approx(BETA.mean())
    assert float(d.variance()) == pytest.approx(BETA.var(), rel=1e-6)


def test_draws_are_the_kernels_and_carry_gradients():
    loc, radius = tf.Variable(LOC), tf.Variable(RADIUS)
    with tf.GradientTape(persistent=True) as tape:
        draws = Epanechnikov(loc, radius).sample(20_000, seed=(1, 2))
        mean, square = tf.reduce_mean(draws), tf.reduce_mean(tf.square(draws - LOC))
    assert scipy.stats.kstest(draws.numpy(), BETA.cdf).pvalue > 1e-3
    assert float(tape.gradient(mean, loc)) == pytest.approx(1, abs=1e-4)
    assert float(tape.gradient(square, radius)) == pytest.approx(2 * RADIUS / 5, rel=0.05)  # d(r²/5)/dr


@pytest.mark.parametrize("width", [0.01, 0.5, 20.0])
def test_the_smoothed_kernels_density_is_the_convolution(width):
    b, loc, radius = 0.36, 0.4, 1.3
    d = SmoothedEpanechnikov(loc, radius, width, b)
    kernel = scipy.stats.beta(2, 2, loc=b * (loc - radius), scale=2 * b * radius)
    reach = b * radius + width / 2
    z = np.linspace(b * loc - 1.1 * reach, b * loc + 1.1 * reach, 41)
    expected = (kernel.cdf(z + width / 2) - kernel.cdf(z - width / 2)) / width
    np.testing.assert_allclose(np.exp(d.log_prob(z.astype("float32"))), expected, rtol=1e-3, atol=1e-6)
    grid = np.linspace(b * loc - reach, b * loc + reach, 20_001).astype("float32")
    assert np.trapezoid(np.exp(d.log_prob(grid)), grid) == pytest.approx(1, abs=1e-3)
    draws = d.sample(20_000, seed=(0, 1)).numpy()
    assert draws.mean() == pytest.approx(float(d.mean()), abs=5 * float(d.stddev()) / 20_000**0.5)
    assert draws.var() == pytest.approx(float(d.variance()), rel=0.05)
    assert np.isfinite(d.log_prob(draws)).all()


@pytest.mark.parametrize("radius", [1e-3, 0.3, 5.0])
@pytest.mark.parametrize("width", [0.01, 0.1, 1.0, 10.0])
def test_smoothed_by_a_normal_it_is_that_convolution(width, radius):
    b, loc = 0.36, 0.2
    d = NormalSmoothedEpanechnikov(loc, radius, width, b)
    z = b * loc + np.arange(-3, 4) * float(d.stddev())
    t = np.linspace(-1, 1, 200_001)
    density = [np.trapezoid(0.75 * (1 - t**2) * scipy.stats.norm.pdf(v, b * (loc + radius * t), width), t) for v in z]
    ours = d.log_prob(z.astype("float32")).numpy()
    seen = np.array(density) > 1e-20  # float32 holds no farther tails
    np.testing.assert_allclose(ours[seen], np.log(np.array(density)[seen]), atol=0.03)
    assert (ours[~seen] < -40).all()
    draws = d.sample(20_000, seed=(0, 1)).numpy()
    assert draws.mean() == pytest.approx(float(d.mean()), abs=5 * float(d.stddev()) / 20_000**0.5)
    assert draws.var() == pytest.approx(float(d.variance()), rel=0.06)
    assert np.isfinite(d.log_prob(draws)).all()


def test_gradients_are_finite_outside_of_the_support():
    loc, radius = tf.Variable([0.0, 0.0]), tf.Variable([1.0, 1.0])
    with tf.GradientTape(persistent=True) as tape:
        values = [
            d.log_prob([5.0, 0.1])
            for d in (
                Epanechnikov(loc, radius),
                *(
                    kind(loc, radius, width, 0.4)
                    for kind in (SmoothedEpanechnikov, NormalSmoothedEpanechnikov)
                    for width in (0.001, 0.1, 20.0)
                ),
            )
        ]
        inside = [tf.reduce_sum(tf.where(tf.math.is_finite(v), v, 0.0)) for v in values]
    for value in inside:
        assert all(np.isfinite(g).all() for g in tape.gradient(value, [loc, radius]))
