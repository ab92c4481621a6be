"""The Epanechnikov VAE: its objective by hand, whether that is a bound, and where log p(x) is defined."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import evaluation, layers, networks, objectives, priors
from tfvae.layers.epanechnikov import BANDWIDTH

IMAGES = np.random.default_rng(0).random((12, 16, 16, 1)).astype("float32")


def small_vae(width=0.5, prior=None, latent_dim=2, objective=None):
    keras.utils.set_random_seed(0)
    return tfvae.make_dense_vae(
        3, latent_dim, (8,), posterior=layers.EpanechnikovPosterior(latent_dim, width=width),
        prior=prior or priors.UniformPrior(latent_dim, width), objective=objective or objectives.EVAE(),
        likelihood=layers.IndependentNormal(3, "mean", scale=0.5),
    )  # fmt: skip


def test_the_objective_by_hand(x):
    vae = small_vae()
    q = vae.encode(x[:8]).distribution.distribution
    terms = vae.terms(x[:8])
    expected = 3 * 0.5 / (5 * 8) * (1 / q.radius.numpy()).sum(axis=1)
    np.testing.assert_allclose(terms.metrics["kernel_penalty"], expected, rtol=1e-5)
    np.testing.assert_allclose(terms.loss, terms.metrics["reconstruction"] + expected, rtol=1e-5)
    vae = small_vae(objective=objectives.EVAE(num_draws_of_prior=800))
    np.testing.assert_allclose(vae.terms(x[:8]).metrics["kernel_penalty"], expected / 100, rtol=1e-5)
    assert not objectives.EVAE.is_bound


def test_the_posterior_has_the_papers_moments():
    layer = layers.EpanechnikovPosterior(1, width=0.1)
    q = layer.distribution(tf.constant([[0.3, np.log(np.e - 1)]], tf.float32))  # r = 1
    assert float(q.mean()[0, 0]) == pytest.approx(BANDWIDTH * 0.3, rel=1e-5)
    assert float(q.stddev()[0, 0]) == pytest.approx(0.163, abs=1e-3)
    assert pytest.approx(0.3594, abs=1e-4) == BANDWIDTH


def test_it_is_no_bound_where_the_kl_is_infinite(x):
    """In one dimension, by quadrature: q leaves the box, so that KL(q ‖ p) is infinite and the objective is not."""
    vae = small_vae(latent_dim=1)
    q = vae.encode(x).distribution
    z = tf.constant(np.linspace(-2, 2, 2_001)[:, None, None], tf.float32)
    density = np.exp(q.log_prob(z).numpy())
    outside = np.abs(z.numpy()[:, 0, 0]) > 0.25
    assert (np.trapezoid(density * outside[:, None], z.numpy()[:, 0, 0], axis=0) > 0.02).all()
    assert np.isneginf(vae.prior.log_prob(z[outside][:, 0])).all()
    assert np.isfinite(vae.terms(x).loss).all()


def test_log_likelihood_where_the_kernel_covers_the_prior(x):
    """Against quadrature over the box; refused where q does not reach all of it, or the prior has no bounds."""
    vae = small_vae(latent_dim=1)
    kernel = vae.encoder.layers[-2].kernel.numpy()
    kernel[:, 0] *= 0.01  # |μ| below r for all rows
    vae.encoder.layers[-2].kernel.assign(kernel)
    estimate = vae.log_likelihood(x[:6], 20_000)
    z = np.linspace(-0.25, 0.25, 2_001).astype("float32")[:, None]
    p = np.exp(vae.decode(z).distribution.log_prob(x[:6, None]).numpy().astype("float64"))
    exact = np.log(np.trapezoid(p, z[:, 0], axis=1) / 0.5)
    np.testing.assert_allclose(estimate.log_likelihood, exact, atol=0.03)
    kernel[:, 0] = 10.0
    vae.encoder.layers[-2].kernel.assign(kernel)
    with pytest.raises(ValueError, match="of 6 examples q\\(z\\|x\\) does not reach all of it"):
        vae.log_likelihood(x[:6])
    with pytest.raises(ValueError, match="log p\\(x\\) is estimated under a UniformPrior alone"):
        small_vae(prior=priors.StandardNormal(2)).log_likelihood(x[:6])


def test_with_a_gaussian_prior_log_likelihood_is_defined_everywhere(x):
    """Against quadrature; and there the negative objective exceeds log p(x), which it does not bound."""
    keras.utils.set_random_seed(0)
    vae = tfvae.make_dense_vae(
        3, 1, (8,), posterior=layers.EpanechnikovPosterior(1, width=0.5, noise="normal"),
        prior=priors.IsotropicNormal(1, 0.5), objective=objectives.EVAE(num_draws_of_prior=10_000),
        likelihood=layers.IndependentNormal(3, "mean", scale=0.5),
    )  # fmt: skip
    vae.compile(keras.optimizers.Adam(1e-2))
    vae.fit(x, epochs=20, verbose=0)
    z = np.linspace(-4, 4, 4_001).astype("float32")[:, None]
    p = np.exp(vae.decode(z).distribution.log_prob(x[:6, None]).numpy().astype("float64"))
    prior = np.exp(vae.prior.log_prob(z).numpy())
    exact = np.log(np.trapezoid(p * prior, z[:, 0], axis=1))
    np.testing.assert_allclose(vae.log_likelihood(x[:6], 20_000).log_likelihood, exact, atol=0.05)
    assert np.mean(-vae.terms(x[:6]).loss) > exact.mean()


def test_a_kernel_alone_is_bounded_too(x):
    """Its log p(x) against quadrature where it covers the prior; refused elsewhere, and where annealing would start."""
    keras.utils.set_random_seed(0)
    vae = tfvae.make_dense_vae(
        3, 1, (), posterior=layers.IndependentEpanechnikov(1), prior=priors.UniformPrior(1, 0.5),
        likelihood=layers.IndependentNormal(3, "mean", scale=0.5),
    )  # fmt: skip
    params = vae.encoder.layers[-2]
    params.kernel.assign(0 * params.kernel)
    params.bias.assign([0.0, 1.0])
    z = np.linspace(-0.25, 0.25, 2_001).astype("float32")[:, None]
    p = np.exp(vae.decode(z).distribution.log_prob(x[:6, None]).numpy().astype("float64"))
    exact = np.log(np.trapezoid(p, z[:, 0], axis=1) / 0.5)
    np.testing.assert_allclose(vae.log_likelihood(x[:6], 20_000).log_likelihood, exact, atol=0.03)
    with pytest.raises(ValueError, match="IndependentEpanechnikov is bounded: give `from_prior=True`"):
        evaluation.annealed_log_likelihood(vae, x[:6])
    params.bias.assign([5.0, 1.0])
    with pytest.raises(ValueError, match="does not reach all of it"):
        vae.log_likelihood(x[:6])
    vae = tfvae.make_dense_vae(3, 1, (), posterior=layers.IndependentEpanechnikov(1))
    with pytest.raises(ValueError, match="under a UniformPrior alone"):
        vae.log_likelihood(x[:6])


def test_trains_saves_and_is_cured_by_a_density_of_its_codes(x, tmp_path):
    vae = small_vae()
    before = vae.evaluate(x, verbose=0)
    history = vae.fit(x, batch_size=16, epochs=20, verbose=0).history
    assert set(history) == {"loss", "reconstruction", "kernel_penalty"}
    assert vae.evaluate(x, verbose=0) < before
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(
        loaded.encode(x).log_prob(loaded.encode(x).mean()), vae.encode(x).log_prob(vae.encode(x).mean())
    )
    assert (np.abs(loaded.prior.sample(100)) <= 0.25).all()
    assert tfvae.fit_latent_density(loaded, x, "mixture:2").sample(4).shape == (4, 3)


@pytest.mark.parametrize(
    ("shape", "kernel_size"), [((32, 32, 1), 4), ((64, 64, 3), 5), ((16, 24, 3), 4), ((28, 21, 3), 4)]
)
def test_the_published_networks(shape, kernel_size):
    likelihood = layers.IndependentBernoulli(shape, "mean")
    decoder = networks.strided_decoder(8, shape, likelihood, 4, kernel_size)
    assert decoder.output_shape == (None, *shape)
    sizes = [layer.output.shape[1:] for layer in decoder.layers if isinstance(layer, keras.layers.Conv2DTranspose)]
    first = {32: (4, 4, 16), 64: (8, 8, 16), 16: (2, 3, 16), 28: (4, 3, 16)}[shape[0]]
    assert sizes[0] == first
    assert [s[-1] for s in sizes] == [16, 8, 4, shape[2]]
    encoder = networks.strided_encoder(shape, layers.IndependentNormal(8), 4, kernel_size)
    widths = [layer.filters for layer in encoder.layers if isinstance(layer, keras.layers.Conv2D)]
    assert widths == [4, 8, 16, 32]


def test_images_train(tmp_path):
    vae = tfvae.make_epanechnikov_vae((16, 16, 1), 4, channels=4)
    assert np.isfinite(vae.fit(IMAGES, epochs=2, batch_size=4, verbose=0).history["loss"]).all()
    assert vae.reconstruct(IMAGES[:2], mean=True).shape == (2, 16, 16, 1)
    assert tfvae.make_epanechnikov_vae((32, 32, 1)).encoder.count_params() == 723_456


def test_wrong_arguments_are_said(x):
    for make, message in (
        (lambda: layers.EpanechnikovPosterior(2, width=0), "`width` must be above 0"),
        (lambda: layers.EpanechnikovPosterior(2, epsilon=0), "`epsilon` must be above 0"),
        (lambda: layers.EpanechnikovPosterior(2, noise="none"), "`noise` must be one of uniform, normal"),
        (lambda: priors.IsotropicNormal(2, 0), "`scale` must be above 0"),
        (lambda: priors.UniformPrior(2, -1), "`width` must be above 0"),
        (lambda: objectives.EVAE(num_draws_of_prior=0), "`num_draws_of_prior` must be at least 1"),
        (
            lambda: tfvae.make_dense_vae(3, 2, (4,), objective=objectives.EVAE()).terms(x),
            "for an EpanechnikovPosterior",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            make()
