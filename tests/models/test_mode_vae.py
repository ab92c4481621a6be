"""A VAE that starts at a mixture of Gaussians."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from sklearn.mixture import GaussianMixture

import tfvae
from tfvae.data import four_gaussians
from tfvae.distributions import FullNormalMixture
from tfvae.networks import Standardize
from tfvae.priors.mixture_search import best_mixture

tfd = tfp.distributions


@pytest.fixture(scope="module")
def truth():
    return four_gaussians()


@pytest.fixture(scope="module")
def adapted(truth):
    vae = tfvae.make_mode_vae(2, num_components=8, hidden=(16,))
    vae.adapt(truth.sample(3000, seed=0))
    return vae


def test_before_training_it_is_the_mixture_that_fits_the_data(truth, adapted):
    x, test = truth.sample(3000, seed=0), truth.sample(2000, seed=1)
    estimate = adapted.log_likelihood(test, 200)
    expected = GaussianMixture(4, n_init=3, random_state=0).fit(x).score_samples(test)
    error = estimate.log_likelihood - expected  # of 200 draws, and of the columns' units in expectation-maximization
    assert np.abs(error).mean() < 0.05
    assert estimate.mean == pytest.approx(expected.mean(), abs=0.005)
    assert truth.log_prob(test).mean() - estimate.mean < 0.02
    assert np.sum(np.exp(adapted.prior.logits.numpy()) > 0.01) == 4
    report = tfvae.evaluation.mode_report(truth, adapted.sample(4000, seed=0))
    assert (report.modes_covered, report.bridge_mass < 0.01) == (4, True)


def test_z_says_which_mode_and_where(truth, adapted):
    x = truth.sample(500, seed=2)
    nearest = truth.distances(x).argmin(axis=1)
    modes = adapted.mode(x)
    assert len({*zip(nearest, modes, strict=True)}) == 4  # one component for each centre
    reconstructed = adapted.reconstruct(x, seed=0, mean=True)
    assert np.abs(reconstructed - x).mean() < 0.5 * truth.sd


def test_units_change_the_density_by_their_jacobian(truth, adapted):
    units, shift = np.array([1000.0, 0.01]), np.array([-5.0, 300.0])
    vae = tfvae.make_mode_vae(2, num_components=8, hidden=(16,))
    vae.adapt(truth.sample(3000, seed=0) * units + shift)
    test = truth.sample(500, seed=1)
    there = vae.log_likelihood(test * units + shift, 100, seed=0).mean
    assert there == pytest.approx(adapted.log_likelihood(test, 100, seed=0).mean - np.log(units).sum(), abs=0.02)


def test_it_trains_and_is_saved_as_it_is(truth, adapted, tmp_path):
    x = truth.sample(640, seed=0)
    adapted.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.is_adapted
    assert again.narrowest == adapted.narrowest
    before = again.log_likelihood(x[:100], 50).mean
    assert before == pytest.approx(adapted.log_likelihood(x[:100], 50).mean, rel=1e-5)
    history = again.fit(x, epochs=2, batch_size=64, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["kl"][-1] > 1
    assert again.log_likelihood(x[:100], 50).mean > before - 0.05


def test_what_cannot_be_adapted_to_is_refused(truth):
    vae = tfvae.make_mode_vae(2, hidden=(8,))
    x = truth.sample(100, seed=0)
    with pytest.raises(ValueError, match=r"call its `adapt\(x\)` before `fit`"):
        vae.fit(x, verbose=0)
    with pytest.raises(ValueError, match=r"at least 10 rows of shape \(2,\), but got the shape \(100, 1\)"):
        vae.adapt(x[:, :1])
    with pytest.raises(ValueError, match=r"got the shape \(5, 2\)"):
        vae.adapt(x[:5])
    with pytest.raises(ValueError, match="Column 2 of x is constant"):
        vae.adapt(x * [1, 0])
    with pytest.raises(ValueError, match="x"):
        vae.adapt(np.where(x > 0, np.nan, x))
    with pytest.raises(ValueError, match="`narrowest` must be above 0"):
        tfvae.make_mode_vae(2, narrowest=0)


def test_the_search_finds_the_number_and_keeps_components_from_collapsing():
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0], [4, 0], [0, 4]])
    points = centres[rng.integers(0, 3, 900)] + 0.3 * rng.normal(size=(900, 2))
    assert best_mixture(points, 10).n_components == 3
    assert best_mixture(points, 2).n_components == 2
    many = centres[rng.integers(0, 3, 30_000)] + 0.3 * rng.normal(size=(30_000, 2))
    assert best_mixture(many, 4).n_components == 3  # of 20,000 of them
    repeated = np.concatenate([points, np.zeros([300, 2])])
    widths = [np.linalg.eigvalsh(c).min() for c in best_mixture(repeated, 10, narrowest=0.05).covariances_]
    assert min(widths) >= 0.05**2 * (1 - 1e-6)


def test_the_density_of_full_gaussians_is_tfps():
    rng = np.random.default_rng(0)
    tril = np.tril(rng.normal(size=(3, 4, 4))) + 2 * np.eye(4)
    logits, loc = rng.normal(size=3), 3 * rng.normal(size=(3, 4))
    logits, loc, tril = (tf.constant(a, tf.float32) for a in (logits, loc, tril))
    ours = FullNormalMixture(logits, loc, tril)
    tfps = tfd.MixtureSameFamily(tfd.Categorical(logits=logits), tfd.MultivariateNormalTriL(loc, tril))
    for shape in ((5, 4), (2, 5, 4)):
        z = tf.constant(3 * rng.normal(size=shape), tf.float32)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(z)
            a, b = ours.log_prob(z), tfps.log_prob(z)
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(tape.gradient(a, z), tape.gradient(b, z), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ours.mean(), tfps.mean(), rtol=1e-6)


def test_standardize_and_back():
    there, back = Standardize(), Standardize(invert=True)
    x = np.array([[1.0, 200.0], [3.0, 500.0]], "float32")
    for layer in (there, back):
        layer.build((None, 2))
        layer.assign(np.array([2.0, 300.0]), np.array([0.5, 100.0]))
    np.testing.assert_allclose(there(x), [[-2, -1], [2, 2]])
    np.testing.assert_allclose(back(there(x)), x)
