"""The objectives of autoencoders without noise."""

import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import evaluation, layers
from tfvae.objectives import RAE, WAE
from tfvae.objectives.wae import mmd2


def autoencoder(objective):
    return tfvae.make_dense_vae(
        3, 2, (8,), posterior=layers.IndependentDeterministic(2), likelihood=layers.IndependentNormal(3, "mean", scale=1.0),
        objective=objective,
    )  # fmt: skip


def test_rae_is_the_likelihood_and_the_codes_length(x):
    vae = autoencoder(RAE(0.5))
    z = vae.encode(x).numpy()
    log_p = vae.decode(z).log_prob(x).numpy()
    for training in (True, False):  # what is no bound is evaluated as it is trained
        np.testing.assert_allclose(vae.terms(x, training=training).loss, -log_p + 0.25 * (z**2).sum(axis=1), rtol=1e-5)
    assert not RAE.is_bound


def test_mmd_is_the_u_statistic():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, 3)), rng.normal(1.0, 2.0, size=(7, 3))

    def kernel(u, v):
        squares = ((u - v) ** 2).sum()
        return sum(2 * 3 * s / (2 * 3 * s + squares) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10))

    pairs = [(i, j) for i in range(7) for j in range(7) if i != j]
    within = sum(np.mean([kernel(s[i], s[j]) for i, j in pairs]) for s in (a, b))
    across = np.mean([kernel(u, v) for u in a for v in b])
    assert float(mmd2(tf.constant(a), tf.constant(b))) == pytest.approx(within - 2 * across, rel=1e-9)
    assert float(mmd2(tf.constant(a[:1]), tf.constant(b[:1]))) == 0


def test_mmd_has_mean_zero_for_one_law_and_falls_in_training(x):
    rng = np.random.default_rng(1)
    values = [float(mmd2(*tf.unstack(tf.constant(rng.normal(size=(2, 16, 2)))))) for _ in range(300)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)
    assert min(values) < 0 < max(values)
    vae = autoencoder(WAE(100.0, seed=1))
    vae.decoder.trainable = False
    history = vae.fit(5 * x, batch_size=32, epochs=60, verbose=0).history
    assert history["mmd"][-1] < history["mmd"][0]
    assert set(history) == {"loss", "reconstruction", "mmd"}


def test_a_point_has_no_density(x):
    vae = autoencoder(RAE())
    vae.fit(x, verbose=0)
    with pytest.raises(ValueError, match="needs a posterior with a density, but the encoder ends in IndependentDet"):
        vae.log_likelihood(x)
    with pytest.raises(ValueError, match="Annealing from q.* needs a posterior with a density"):
        evaluation.annealed_log_likelihood(vae, x, 2, 2)
    with pytest.raises(ValueError, match="A report on the latent space needs a posterior with a density"):
        evaluation.latent_report(vae, x)
    assert np.isfinite(evaluation.annealed_log_likelihood(vae, x[:4], 20, 2, from_prior=True).log_likelihood).all()
    assert vae.reconstruct(x, mean=True).shape == x.shape


def test_wae_takes_one_draw_of_each_code(x):
    posterior = layers.MixtureNormal(2, 2, stratified=True)
    with pytest.raises(ValueError, match="one draw of each code, but this posterior gives several"):
        tfvae.make_dense_vae(3, 2, (8,), posterior=posterior, objective=WAE()).fit(x, verbose=0)


def test_a_bound_is_refused_where_q_has_no_density_also_under_a_fitted_prior(x):
    with pytest.raises(ValueError, match="ELBO needs a posterior with a density"):
        autoencoder(None).fit(x, verbose=0)
    fitted = tfvae.fit_latent_density(autoencoder(RAE(0.5)), x, "mixture:2")
    assert isinstance(fitted.objective, RAE)
    assert fitted.sample(3).shape == (3, 3)
