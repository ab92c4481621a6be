"""Relaxed Poisson counts against their moments in closed form, and their gradients against the exact ones."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions import LogRatePoisson, relaxed_poisson
from tfvae.distributions.event_times import INDICATORS

tfd = tfp.distributions
RATES = np.array([0.05, 1.0, 30.0])
N = 40_000
VARIANCE = {"linear": 1 / 3, "cubic": 9 / 35, "quintic": 50 / 231, "cosine": 0.25}  # c of λ (1 − c T)


def moments(rate, temperature, indicator):
    """(mean, variance) of the relaxed counts."""
    if indicator == "sigmoid":
        soft = np.log1p(np.exp(1 / temperature))
        return rate * temperature * soft, rate * temperature * (soft - 1 / (1 + np.exp(-1 / temperature)))
    return rate, rate * (1 - VARIANCE[indicator] * temperature)


@pytest.mark.parametrize("temperature", [1.0, 0.05])
@pytest.mark.parametrize("indicator", INDICATORS)
def test_mean_variance_and_their_gradients(indicator, temperature):
    log_rate = tf.constant(np.log(np.tile(RATES, (N, 1))), tf.float32)

    @tf.function(jit_compile=True)
    def draw():
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(log_rate)
            z = relaxed_poisson(log_rate, temperature, tf.constant([1, 2]), indicator)
            square = tf.square(z)
        return z, tape.gradient(z, log_rate), tape.gradient(square, log_rate)

    z, first, second = (t.numpy().astype("float64") for t in draw())
    mean, variance = moments(RATES, temperature, indicator)
    # Moments are linear in λ, so that d/d log λ is E z, and Var z + 2 (E z)² for E z². Within five standard errors.
    for values, expected in (
        (z, mean), ((z - mean) ** 2, variance), (first, mean), (second, variance + 2 * mean**2),
    ):  # fmt: skip
        error = values.std(axis=0) / N**0.5
        assert np.all(np.abs(values.mean(axis=0) - expected) < 5 * error + 1e-5)


def test_the_indicators_variances_come_from_their_integrals():
    u = np.linspace(0, 1, 2_001).astype("float32")
    for name, c in VARIANCE.items():
        g = INDICATORS[name].value(2 * u - 1).numpy().astype("float64")
        assert 1 - 2 * np.trapezoid(g**2, u) == pytest.approx(c, abs=1e-4)
        slope = INDICATORS[name].slope(2 * u[1:-1] - 1).numpy()
        np.testing.assert_allclose(slope, 0.5 * np.gradient(g, u)[1:-1], atol=2e-2)


def test_near_zero_temperature_they_are_poisson_counts():
    z = relaxed_poisson(tf.fill([N], float(np.log(3.0))), 1e-4, tf.constant([3, 4])).numpy()
    counts = np.bincount(np.rint(z).astype(int), minlength=12)[:12]
    expected = scipy.stats.poisson(3.0).pmf(np.arange(12)) * N
    kept = expected > 20
    statistic = ((counts - expected)[kept] ** 2 / expected[kept]).sum()
    assert scipy.stats.chi2(kept.sum() - 1).sf(statistic) > 1e-3
    assert (np.abs(z - np.rint(z)) > 1e-3).mean() < 5e-3  # an event in an edge of 2e-4


@pytest.mark.parametrize("indicator", ["sigmoid", "cubic"])
def test_straight_through_draws_are_counts_with_a_relaxed_gradient(indicator):
    log_rate = tf.constant(np.log(np.tile([0.5, 3.0], (N, 1))), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(log_rate)
        z = relaxed_poisson(log_rate, 0.5, tf.constant([5, 6]), indicator, straight_through=True)
    np.testing.assert_array_equal(z, np.rint(z))
    for column, rate in zip(z.numpy().T, (0.5, 3.0), strict=True):
        counts = np.bincount(column.astype(int), minlength=15)[:15]
        expected = scipy.stats.poisson(rate).pmf(np.arange(15)) * N
        kept = expected > 20
        statistic = ((counts - expected)[kept] ** 2 / expected[kept]).sum()
        assert scipy.stats.chi2(kept.sum() - 1).sf(statistic) > 1e-3
    with tf.GradientTape() as relaxed_tape:
        relaxed_tape.watch(log_rate)
        relaxed = relaxed_poisson(log_rate, 0.5, tf.constant([5, 6]), indicator)
    assert np.any(relaxed.numpy() != np.rint(relaxed))
    np.testing.assert_array_equal(tape.gradient(z, log_rate), relaxed_tape.gradient(relaxed, log_rate))


def test_the_largest_rates_are_drawn():
    z = relaxed_poisson(tf.fill([2_000], 5.3), 0.05, tf.constant([1, 1])).numpy()
    rate = np.exp(5.3)
    assert z.mean() == pytest.approx(rate, abs=5 * (rate / 2_000) ** 0.5)
    nothing = relaxed_poisson(tf.fill([2**24], -200.0), 1.0, tf.constant([1, 1])).numpy()  # some uniforms are 0
    assert np.isfinite(nothing).all()
    assert (nothing != 0).sum() <= 16
    assert relaxed_poisson(tf.zeros([5], tf.float64), 0.5, tf.constant([1, 1])).dtype == tf.float64


@pytest.mark.parametrize("compiled", [True, False])
def test_integer_draws_are_poisson_and_compile(compiled):
    rates = np.array([0.3, 8.0, 480.0, 2_000.0])
    draw = tf.function(
        lambda: LogRatePoisson(tf.constant(np.log(rates), tf.float32)).sample(4_000, seed=(1, 2)), jit_compile=compiled
    )
    for z, rate in zip(draw().numpy().T, rates, strict=True):
        assert z.dtype == np.float32
        edges = np.unique(scipy.stats.poisson(rate).ppf(np.linspace(0.05, 0.95, 10)))
        counts = np.diff([0, *(np.sum(z <= edge) for edge in edges), len(z)])
        expected = np.diff([0, *scipy.stats.poisson(rate).cdf(edges), 1]) * len(z)
        statistic = ((counts - expected) ** 2 / expected).sum()
        assert scipy.stats.chi2(len(edges)).sf(statistic) > 1e-3
    assert LogRatePoisson(np.float64(0.0)).sample(seed=(0, 1)).shape == ()
    broken = LogRatePoisson(np.float32([np.nan, 1e3, 0.0])).sample(seed=(0, 1)).numpy()  # exp(1000) is infinite
    np.testing.assert_array_equal(np.isnan(broken), [True, True, False])


def test_kl_is_the_sum():
    a, b, k = 2.3, 0.7, np.arange(60)
    p, r = scipy.stats.poisson(a), scipy.stats.poisson(b)
    expected = (p.pmf(k) * (p.logpmf(k) - r.logpmf(k))).sum()
    ours = tfd.kl_divergence(LogRatePoisson(float(np.log(a))), LogRatePoisson(float(np.log(b))))
    assert float(ours) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(
        LogRatePoisson(np.float32(np.log(a))).log_prob(k.astype("float32")), p.logpmf(k), rtol=1e-4
    )
