"""Importance-weighted bounds: reductions of the same log weights, and the gradients that each one says it has."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.special import logsumexp, softmax

import tfvae
from tests.draws import draw_of
from tests.test_importance import exact_log_prob, linear_gaussian_vae, standard
from tfvae import layers, objectives
from tfvae.distributions import DiagonalNormalMixture
from tfvae.objectives import CIWAE, ELBO, IWAE, MIWAE, PIWAE, STL, DReG
from tfvae.objectives.routed import with_stopped_parameters

tfd = tfp.distributions
W, SIGMA = 1.3, 0.7  # x = W z + σε, z ~ N(0, 1), q = N(μ, s²)


class Model:
    """The linear-Gaussian VAE in one dimension, with B copies of one x, which serve as replicates."""

    def __init__(self, draws, copies, seed=0, beta=1.0, dropout=0.0):
        rng = np.random.default_rng(seed)
        self.beta, self.dropout, self.masks = beta, dropout, iter(range(1000 * seed, 1000 * seed + 1000))
        self.noise = rng.normal(size=(draws, copies)).astype("float32")
        self.x = tf.fill([copies, 1], 0.8)
        self.mu, self.s, self.w = (tf.Variable(v) for v in (0.3, 0.9, W))

    def decode(self, z):
        mean = self.w * z
        if self.dropout:  # another mask at each decoding
            mean = tf.nn.experimental.stateless_dropout(mean, self.dropout, [7, next(self.masks)])
        return tfd.Independent(tfd.Normal(mean, SIGMA), 1)

    def terms(self, objective):
        copies = self.noise.shape[1]
        q = tfd.Independent(tfd.Normal(tf.fill([copies, 1], self.mu), tf.fill([copies, 1], self.s)), 1)
        z = self.mu + self.s * self.noise[..., None]
        z = z[0] if objective.num_draws == 1 else z
        prior = tfd.Independent(tfd.Normal(tf.zeros([1]), 1.0), 1)
        objective.beta = self.beta
        return objective.terms(draw_of(self.x, q, z, self.decode(z), prior, training=True, decode=self.decode))

    def gradients(self, objective):
        """(∂μ, ∂s, ∂w) of the mean loss."""
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.terms(objective).loss)
        return np.array([g.numpy() for g in tape.gradient(loss, [self.mu, self.s, self.w])])

    def pieces(self):
        """log w, and its derivatives along z, and to μ, s (q's own) and w at fixed z: each (S, B), in float64."""
        e, (mu, s, w) = self.noise.astype("float64"), (0.3, 0.9, W)
        z, x = mu + s * e, 0.8
        log_w = (
            -0.5 * ((x - w * z) / SIGMA) ** 2
            - np.log(SIGMA)
            - 0.5 * np.log(2 * np.pi)
            - 0.5 * z**2
            + 0.5 * e**2
            + np.log(s)
        )
        return log_w, (x - w * z) * w / SIGMA**2 - z + e / s, -e / s, (1 - e**2) / s, (x - w * z) * z / SIGMA**2, e

    def formula(self, a, b, explicit):
        """The loss's gradients where the decoder has weights a, the encoder b, with or without q's own parameters."""
        _, dz, dmu, ds, dw, e = self.pieces()
        to_mu, to_s = dz + explicit * dmu, dz * e + explicit * ds
        return -np.array([(b * to_mu).sum(0).mean(), (b * to_s).sum(0).mean(), (a * dw).sum(0).mean()])


def grouped(log_w, groups):
    within = softmax(log_w.reshape(groups, -1, log_w.shape[1]), axis=1)
    return within.reshape(log_w.shape) / groups


GRADIENTS = {
    "IWAE": (lambda: IWAE(6), lambda w: (softmax(w, 0), softmax(w, 0), True)),
    "MIWAE": (lambda: MIWAE(2, 3), lambda w: (grouped(w, 2), grouped(w, 2), True)),
    "CIWAE": (lambda: CIWAE(6, 0.3), lambda w: ((softmax(w, 0) * 0.7 + 0.05,) * 2 + (True,))),
    "STL": (lambda: STL(6), lambda w: (softmax(w, 0), softmax(w, 0), False)),
    "DReG": (lambda: DReG(6), lambda w: (softmax(w, 0), softmax(w, 0) ** 2, False)),
    "PIWAE": (lambda: PIWAE(2, 3), lambda w: (softmax(w, 0), grouped(w, 2), True)),
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_follow_their_formula(name):
    make, weights = GRADIENTS[name]
    model = Model(6, 40)
    expected = model.formula(*weights(model.pieces()[0]))
    np.testing.assert_allclose(model.gradients(make()), expected, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.parametrize("make", [lambda: DReG(5), lambda: PIWAE(1, 5)])
def test_other_gradients_have_iwaes_mean(make, beta, dropout):
    """Of 20 batches of 10,000 replicates, at any KL weight and under dropout; 6 standard errors, p < 1e-5 each (t, 19)."""

    def gradients(objective, shift):
        models = (Model(5, 10_000, seed + shift, beta, dropout) for seed in range(20))
        return np.array([model.gradients(objective) for model in models])

    ours, iwaes = gradients(make(), 0), gradients(IWAE(5), 100)
    error = np.hypot(ours.std(0, ddof=1), iwaes.std(0, ddof=1)) / np.sqrt(20)
    assert (np.abs(ours.mean(0) - iwaes.mean(0)) < 6 * error).all()
    if isinstance(make(), DReG) and beta == 1:
        assert ours[:, 0].std() < 0.9 * iwaes[:, 0].std()  # less noisy: what it is for


def test_bounds_are_reductions_of_the_same_log_weights():
    model = Model(6, 50)
    log_w = model.pieces()[0]
    iwae, elbo = logsumexp(log_w, 0) - np.log(6), log_w.mean(0)
    miwae = (logsumexp(log_w.reshape(2, 3, -1), 1) - np.log(3)).mean(0)
    bounds = {
        "IWAE": iwae, "STL": iwae, "DReG": iwae, "PIWAE": iwae,
        "MIWAE": miwae, "CIWAE": 0.3 * elbo + 0.7 * iwae,
    }  # fmt: skip
    for name, bound in bounds.items():
        np.testing.assert_allclose(-model.terms(GRADIENTS[name][0]()).loss, bound, rtol=1e-4, atol=1e-5)
    for objective in (CIWAE(6, 1.0), MIWAE(6, 1)):
        np.testing.assert_allclose(-model.terms(objective).loss, elbo, rtol=1e-4, atol=1e-5)


def test_one_draw_is_the_elbo():
    model = Model(1, 30)
    elbo = model.terms(ELBO(kl=tfvae.divergences.MonteCarloKL()))
    for objective in (IWAE(1), STL(1), DReG(1), PIWAE(1, 1), MIWAE(1, 1)):
        terms = model.terms(objective)
        np.testing.assert_allclose(terms.loss, elbo.loss, rtol=1e-4, atol=1e-5)
        for name in objective.metric_names:
            np.testing.assert_allclose(terms.metrics[name], elbo.metrics[name], rtol=1e-4, atol=1e-5)


def test_bounds_rise_to_the_exact_value():
    """Means over 20,000 replicates; each step up is many standard errors."""
    exact = tfd.Normal(0.0, np.sqrt(W**2 + SIGMA**2)).log_prob(0.8).numpy()
    bounds = [-float(tf.reduce_mean(Model(k, 20_000).terms(IWAE(k)).loss)) for k in (1, 2, 5, 20)]
    assert bounds == sorted(bounds)
    assert exact - 0.02 < bounds[-1] < exact
    assert bounds[0] < exact - 0.05


def test_with_the_true_posterior_every_number_of_draws_is_exact():
    model = Model(7, 10)
    precision = 1 + W**2 / SIGMA**2
    model.mu.assign(0.8 * W / SIGMA**2 / precision)
    model.s.assign(precision**-0.5)
    exact = tfd.Normal(0.0, np.sqrt(W**2 + SIGMA**2)).log_prob(0.8).numpy()
    for objective in (IWAE(7), CIWAE(7), STL(7)):
        np.testing.assert_allclose(-model.terms(objective).loss, exact, atol=1e-5)
    assert np.abs(model.gradients(STL(7))[:2]).max() < 1e-5  # it has landed, and sticks: no noise is left
    assert np.abs(model.gradients(IWAE(7))[:2]).max() > 1e-3


@pytest.mark.parametrize("make", [lambda: IWAE(4), lambda: MIWAE(2, 2), lambda: CIWAE(4, 0.2), lambda: STL(3),
                                  lambda: DReG(4), lambda: PIWAE(2, 2), lambda: ELBO(num_draws=3)])  # fmt: skip
def test_every_objective_trains_and_is_saved(make, tmp_path):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    vae = tfvae.make_dense_vae(3, 2, (8,), objective=make())
    history = vae.fit(x, epochs=8, batch_size=16, verbose=0, callbacks=[tfvae.KLWarmUp(epochs=2)]).history
    assert history["beta"][-1] == 1
    assert history["reconstruction"][-1] < history["reconstruction"][0]
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    config = type(vae.objective).from_config(vae.objective.get_config()).get_config()
    assert loaded.objective.get_config() == vae.objective.get_config() == config
    loaded.fit(x, epochs=1, batch_size=16, verbose=0)


def test_log_weights_of_a_vae_give_a_bound_of_the_exact_value(x):
    prior, parameters = standard()
    vae = linear_gaussian_vae(prior)
    vae.objective = IWAE(500)
    loss = vae.evaluate(x, batch_size=64, verbose=0, return_dict=True)["loss"]
    exact = exact_log_prob(x, *parameters).mean()
    assert -loss == pytest.approx(exact, abs=0.1)


@pytest.mark.parametrize("make", [IWAE, STL, DReG])
@pytest.mark.parametrize("num_draws", [1, 4])
def test_a_latent_matrix_is_as_good_as_a_vector(make, num_draws):
    def loss(event_shape):
        keras.utils.set_random_seed(0)
        encoder = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(8), layers.IndependentNormal(event_shape, seed=1)]
        )
        decoder = keras.Sequential(
            [
                keras.Input(event_shape),
                keras.layers.Flatten(),
                keras.layers.Dense(3),
                layers.IndependentNormal(3, "mean", scale=1.0),
            ]
        )
        vae = tfvae.VAE(encoder, decoder, objective=make(num_draws))
        x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
        return vae.terms(x, training=True).loss.numpy()

    assert loss((2, 2)).shape == (20,)
    np.testing.assert_allclose(loss((2, 2)), loss((4,)), rtol=1e-4)


def test_wrong_arguments_are_said():
    for make, message in (
        (lambda: IWAE(0), "`num_draws` must be at least 1"),
        (lambda: MIWAE(0, 2), "`num_groups` must be at least 1"),
        (lambda: PIWAE(2, 0), "`group_size` must be at least 1"),
        (lambda: CIWAE(2, 1.5), "`elbo_share` must be within"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    hidden = DiagonalNormalMixture(np.zeros(1, "float32"), np.zeros((1, 2), "float32"), np.ones((1, 2), "float32"))
    with pytest.raises(ValueError, match="DiagonalNormalMixture does not show them to TensorFlow"):
        with_stopped_parameters(hidden)
    assert set(objectives.__all__) >= {"IWAE", "MIWAE", "CIWAE", "STL", "DReG", "PIWAE"}


def test_a_temperature_divides_the_reconstruction_in_training_alone(x):
    """At T the loss is 1/T of that at β = T; evaluation knows neither."""
    vae = tfvae.make_dense_vae(3, 2, (8,))
    q = vae.encode(x)
    z, p, values, data = q.value, vae.decode(q.value).distribution, {}, tf.constant(x)
    for name, objective in {"plain": ELBO(), "T": ELBO(temperature=0.25), "beta": ELBO(beta=0.25)}.items():
        draw = draw_of(data, q.distribution, z, p, vae.prior.distribution())
        values[name], evaluated = objective.terms(draw._replace(training=True)), objective.terms(draw)
        np.testing.assert_allclose(evaluated.loss, values["plain"].loss, rtol=1e-6)
    plain = values["plain"]
    np.testing.assert_allclose(
        values["T"].loss, plain.metrics["reconstruction"] / 0.25 + plain.metrics["kl"], rtol=1e-5
    )
    np.testing.assert_allclose(values["T"].loss, values["beta"].loss / 0.25, rtol=1e-5)
    assert ELBO.from_config(ELBO(temperature=0.25).get_config()).temperature == 0.25
    with pytest.raises(ValueError, match="`temperature` must be above 0"):
        ELBO(temperature=0)
