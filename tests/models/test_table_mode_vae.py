"""A VAE of mixed rows that starts at a mixture, and rows of which a part is missing."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import norm

import tfvae
from tfvae import layers
from tfvae.models import make_table_mode_vae
from tfvae.models.resampling import posterior_draws


def mixed_rows(n, seed):
    """Two clusters: numbers near (−1, 1) with category 0, near (1, −1) with 1 or 2; some of the first number missing."""
    rng = np.random.default_rng(seed)
    k = rng.integers(0, 2, n)
    numbers = np.array([[-1, 1], [1, -1.0]])[k] + 0.2 * rng.standard_normal((n, 2))
    category = np.where(k == 0, 0, rng.integers(1, 3, n))
    rows = np.concatenate([numbers, np.eye(3)[category]], axis=1).astype("float32")
    rows[rng.random(n) < 0.1, 0] = np.nan
    return rows


@pytest.fixture(scope="module")
def vae():
    model = make_table_mode_vae(2, (3,), 8, (16,))
    model.adapt(mixed_rows(1_000, 0))
    return model


def test_before_any_training_its_density_is_near_the_truth(vae):
    x = mixed_rows(300, 1)
    log_k = norm.logpdf(x[:, None, :2], np.array([[-1, 1], [1, -1.0]]), 0.2)
    log_k = np.where(np.isnan(x[:, None, :2]), 0, log_k).sum(axis=2) + np.log(0.5)
    log_k = log_k + np.log(np.array([[1, 1e-12, 1e-12], [1e-12, 0.5, 0.5]]) @ x[:, 2:].T).T
    truth = np.logaddexp.reduce(log_k, axis=1)
    assert np.mean(truth - vae.log_likelihood(x, 500).log_likelihood) < 0.15


def test_draws_have_the_categories_of_their_clusters(vae):
    drawn = vae.sample(2_000, seed=0)
    first = drawn[:, 0] < 0
    assert np.mean(drawn[first, 2]) > 0.85
    assert np.mean(drawn[~first, 2]) < 0.15
    assert 0.4 < np.mean(first) < 0.6


def test_trains_and_is_saved(vae, tmp_path):
    x = mixed_rows(300, 2)
    before = vae.log_likelihood(x, 200).mean
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.log_likelihood(x, 200).mean == pytest.approx(before, abs=1e-3)
    history = loaded.fit(x, epochs=3, batch_size=50, verbose=0).history["loss"]
    assert np.isfinite(history).all()


def test_what_is_missing_is_drawn_given_what_is_known(vae):
    x = np.array([[np.nan, 1.0, 1, 0, 0], [np.nan, -1.0, np.nan, np.nan, np.nan]], "float32").repeat(200, axis=0)
    z, effective = posterior_draws(vae, x, 100, seed=0)
    drawn = vae.decode(z).distribution.sample(seed=1).numpy()
    assert z.shape == (400, 5)
    assert effective.min() > 1
    assert drawn[:200, 0].mean() == pytest.approx(-1, abs=0.15)
    assert drawn[200:, 0].mean() == pytest.approx(1, abs=0.3)
    assert drawn[200:, 3:].sum(axis=1).mean() > 0.85


@pytest.mark.parametrize(("numbers", "categories"), [(2, ()), (0, (2, 3))])
def test_numbers_or_categories_alone(numbers, categories):
    rng = np.random.default_rng(0)
    blocks = [np.eye(size)[rng.integers(0, size, 60)] for size in categories]
    x = np.concatenate([rng.standard_normal((60, numbers)), *blocks], axis=1).astype("float32")
    model = make_table_mode_vae(numbers, categories, 2, (8,))
    with pytest.raises(ValueError, match="call its `adapt"):
        model.fit(x, verbose=0)
    model.adapt(x)
    model.fit(x, epochs=1, verbose=0)
    assert model.sample(5, seed=0).shape == (5, x.shape[1])
    with pytest.raises(ValueError, match="at least 10 rows of shape"):
        model.adapt(x[:5])


@pytest.mark.parametrize("num_components", [1, 3])
def test_a_density_of_missing_values_is_that_of_the_others(num_components):
    layer = layers.TableLikelihood(2, (3,), num_components=num_components)
    params = np.random.default_rng(0).normal(size=(1, layer.num_params)).astype("float32")
    p = layer.distribution(tf.constant(params))
    x = np.array([[0.3, np.nan, 0, 1, 0]], "float32")
    # The integral over the number, and the sum over the categories, by brute force.
    grid = np.linspace(-30, 30, 20_001).astype("float32")
    filled = np.tile(x, (len(grid), 1))
    filled[:, 1] = grid
    brute = np.log(np.trapezoid(np.exp(p.log_prob(filled)), grid))
    assert float(p.log_prob(x)[0]) == pytest.approx(brute, abs=1e-3)
    unknown = np.array([[0.3, -0.2, np.nan, np.nan, np.nan]], "float32")
    known = np.tile(unknown, (3, 1))
    known[:, 2:] = np.eye(3)
    assert float(p.log_prob(unknown)[0]) == pytest.approx(np.log(np.exp(p.log_prob(known)).sum()), abs=1e-5)
    with tf.GradientTape() as tape:
        variable = tf.Variable(params)
        loss = layer.distribution(variable).log_prob(x)
    assert np.isfinite(tape.gradient(loss, variable)).all()


def test_missing_values_reach_only_models_that_take_them():
    x = np.array([[np.nan, 1.0]] * 20, "float32")
    with pytest.raises(ValueError, match="NaN or infinite values in 20 of 20 rows"):
        tfvae.make_dense_vae(2, 1, (4,), missing=True).fit(
            x, verbose=0
        )  # a likelihood that does not integrate over them
    likelihood = layers.TableLikelihood(2, scale=1.0)
    model = tfvae.make_dense_vae(2, 1, (4,), missing=True, likelihood=likelihood)
    assert np.isfinite(model.fit(x, verbose=0).history["loss"]).all()
    with pytest.raises(ValueError, match="has infinite values"):
        model.fit(np.where(np.isnan(x), np.inf, x), verbose=0)
