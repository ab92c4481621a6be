"""Document 000's factories and class."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tests.draws import draw_of
from tfvae.data import four_gaussians
from tfvae.layers import IndependentNormal
from tfvae.models import EmbeddingGenerator, StartPrior
from tfvae.priors import MixturePrior

tfd = tfp.distributions


@pytest.mark.parametrize(
    "make",
    [lambda **k: tfvae.make_mse_vae(2, **k), lambda **k: tfvae.make_mixture_decoder_vae(2, num_components=16, **k)],
    ids=["mse", "mixture"],
)
@pytest.mark.parametrize(("deep", "activations"), [
    (False, ["linear", "tanh"]), (True, ["linear", "tanh", "tanh", "linear", "tanh", "tanh"]),
])  # fmt: skip
def test_the_documents_layers(make, deep, activations):
    vae = make(deep=deep)
    for network in (vae.encoder, vae.decoder):
        hidden = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)][:-1]
        assert [layer.activation.__name__ for layer in hidden] == activations
        assert {layer.units for layer in hidden} == {32}
    assert float(vae.optimizer.learning_rate) == pytest.approx(1e-3)


def test_the_readme_example_runs():
    x = four_gaussians().sample(300, seed=0)
    m = tfvae.make_mixture_decoder_vae(2, num_components=16)
    m.fit(x, epochs=1, batch_size=32, verbose=0)
    assert m.sample(1000).shape == (1000, 2)
    assert m.log_likelihood(x, num_samples=200).log_likelihood.shape == (300,)


def test_mse_is_a_gaussian_of_variance_half_the_dimension():
    """−log p(x|z) − constant = mean over features of the squared error; with the KL twice, variance D at β = 1."""
    x = four_gaussians().sample(64, seed=0)
    vae = tfvae.make_mse_vae(2)
    p = vae.decode(np.zeros((64, 2), "float32"))
    constant = 2 * 0.5 * np.log(2 * np.pi * 1.0)
    mse = np.mean((x - p.mean()) ** 2, axis=1)
    np.testing.assert_allclose(-p.log_prob(x) - constant, mse, rtol=1e-5)


def test_dense_vae_takes_any_prior_likelihood_and_posterior(x):
    vae = tfvae.make_dense_vae(
        3, 2, (8, 4), prior=MixturePrior(2, 3), likelihood=IndependentNormal(3, "mean", scale=0.5)
    )
    assert [layer.units for layer in vae.encoder.layers[:2]] == [8, 4]
    assert [layer.units for layer in vae.decoder.layers[:2]] == [4, 8]
    assert np.isfinite(vae.fit(x, epochs=1, verbose=0).history["loss"][0])


def test_components_start_on_the_data():
    truth = four_gaussians()
    vae = tfvae.make_mixture_decoder_vae(2, 8)
    tfvae.initialize_mixture_decoder(vae, truth.sample(1000, seed=0))
    locs = vae.decode(np.zeros((1, 2), "float32")).components_distribution.mean().numpy()[0]
    assert set(truth.distances(locs).argmin(axis=1)) == {0, 1, 2, 3}


@pytest.mark.parametrize("probabilistic", [True, False])
def test_the_documents_class(probabilistic):
    ncom_real, dimension = 4, 2
    train_dist = tfd.MixtureSameFamily(
        mixture_distribution=tfd.Categorical(probs=[1] * ncom_real),
        components_distribution=tfd.MultivariateNormalDiag(
            loc=[[1, 3], [5, -7], [-3, 1], [-7, -5]], scale_diag=0.5 * tf.ones([ncom_real, dimension])
        ),
    )
    train_tensor = train_dist.sample(2000, seed=1)
    model = EmbeddingGenerator(dimension, probabilistic, num_components=4 * ncom_real)
    history = model.net.fit(train_tensor, train_tensor, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    assert model.sample(50).shape == (50, 2)
    assert model.encoder(train_tensor).sample().shape == (2000, 2)
    model.encoder.summary(print_fn=lambda _: None)
    # The KL is there once: the loss is what the document means, not what tf_keras made of it.
    keras.utils.set_random_seed(0)
    model.net(train_tensor)
    assert len(model.net.losses) == 1


def test_the_documents_class_and_the_factory_optimize_the_same(x):
    """The same weights, the mean as z: MSE + 2 KL of the class is the factory's loss at kl_weight=2, but for a constant."""
    document = EmbeddingGenerator(2, False, 4, kl_weight=2.0)
    vae = tfvae.make_mse_vae(2, width=8, kl_weight=2.0)
    vae.encoder.set_weights(document.encoder.get_weights())
    vae.decoder.set_weights(document.decoder.get_weights())
    points = tf.constant(four_gaussians().sample(256, seed=0))
    q = document.encoder(points)
    mse = tf.reduce_mean(tf.square(document.decoder(q.mean()) - points))
    kl = tf.reduce_mean(tfd.kl_divergence(q.distribution, document.prior))
    p = vae.decode(q.mean()).distribution
    draw = draw_of(points, q.distribution, q.mean(), p, vae.prior.distribution(), training=True)
    terms = vae.objective.terms(draw)
    assert float(tf.reduce_mean(terms.loss)) - np.log(2 * np.pi) == pytest.approx(float(mse + 2 * kl), rel=1e-4)


def test_a_haplotype_vae_has_its_recipes_sizes_and_settings():
    recipe = tfvae.HaplotypeRecipe(
        latent_dim=None, hidden=None, activation="sigmoid", dropout=(0.4, 0.4, 0.0), kl_weight=0.5, temperature=2.0,
        weight_decay=0.01, masked=0.2, warm_up=0.3,
    )  # fmt: skip
    vae = tfvae.make_haplotype_vae(1239, recipe, num_steps=1000)
    widths = [layer.units for layer in vae.encoder.layers if isinstance(layer, keras.layers.Dense)]
    assert widths == [391, 123, 39, 24]
    rates = [layer.rate for layer in vae.encoder.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.2, 0.4, 0.4]
    kinds = [type(layer).__name__ for layer in vae.decoder.layers]
    assert kinds == ["Dense", "Dense", "Dropout", "Dense", "Dropout", "Dense", "IndependentBernoulli"]
    assert vae.objective.beta.get_config() == {"steps": 300, "target": 0.5, "start": 0}
    assert vae.objective.temperature == 2.0
    assert isinstance(vae.optimizer, keras.optimizers.AdamW)
    assert float(vae.optimizer.learning_rate) == pytest.approx(recipe.learning_rate)
    assert tfvae.make_haplotype_vae(np.zeros((4, 50)), tfvae.HaplotypeRecipe(num_draws=3)).objective.num_draws == 3


def test_a_prior_starts_at_the_encodings_after_some_epochs(x):
    prior = MixturePrior(2, 10, seed=0)
    vae = tfvae.make_dense_vae(3, 2, (8,), prior=prior, optimizer=keras.optimizers.SGD(0.0))
    before = prior.distribution().loc.numpy()
    vae.fit(x, epochs=1, verbose=0, callbacks=[StartPrior(x, epochs=2)])
    np.testing.assert_array_equal(prior.distribution().loc.numpy(), before)
    vae.fit(x, epochs=3, verbose=0, callbacks=[StartPrior(x, epochs=2)])
    mean, codes = vae.encode(x).mean().numpy(), vae.encode(x).distribution
    spread = np.sqrt(mean.var(axis=0) + np.mean(codes.variance(), axis=0))
    found = prior.distribution()
    assert not np.allclose(found.loc, before)
    np.testing.assert_allclose(found.mean(), mean.mean(axis=0), atol=0.3 * spread.max())
    np.testing.assert_allclose(found.stddev(), spread, rtol=0.3)
    with pytest.raises(ValueError, match="StartPrior needs epochs >= 1"):
        StartPrior(x, epochs=0)


def test_sections_used_as_one_are_their_sections(x):
    """Likelihoods add up, codes and alleles stand side by side."""
    from tfvae.models.sections import SectionedVAE, seeds_of

    data = (np.random.default_rng(0).random((20, 9)) < 0.5).astype("float32")
    recipe = tfvae.HaplotypeRecipe(latent_dim=2, hidden=(4,))
    parts = [tfvae.make_haplotype_vae(v, recipe) for v in (4, 5)]
    whole = SectionedVAE([lambda: parts[0], lambda: parts[1]], [4, 5], [2, 2])
    assert (whole.data_shape, whole.latent_shape) == ((9,), (4,))
    first, second = seeds_of(0, 2)
    one, other = parts[0].log_likelihood(data[:, :4], 10, first), parts[1].log_likelihood(data[:, 4:], 10, second)
    found = whole.log_likelihood(data, 10)
    np.testing.assert_allclose(found.log_likelihood, one.log_likelihood + other.log_likelihood, rtol=1e-5)
    np.testing.assert_allclose(found.standard_error, np.hypot(one.standard_error, other.standard_error), rtol=1e-5)
    q = whole.encode(data).distribution
    np.testing.assert_allclose(q.mean()[:, 2:], parts[1].encode(data[:, 4:]).mean(), rtol=1e-5)
    np.testing.assert_allclose(whole.decode(q.mean()).mean()[:, :4], parts[0].decode(q.mean()[:, :2]).mean(), rtol=1e-5)
    assert whole.sample(7, seed=1).shape == (7, 9)
    np.testing.assert_array_equal(whole.sample(7, seed=1), whole.sample(7, seed=1))
