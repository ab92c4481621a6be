"""The contract carries what is coming: terms of a batch, scheduled posteriors, losses that are no bound, several parts."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae import layers, priors
from tfvae.host.schedules import as_schedule, at_step
from tfvae.host.tensors import DistributionTensor
from tfvae.importance import log_px_z
from tfvae.objectives import ELBO, Objective, Terms

tfd = tfp.distributions


class PopulationKL(Objective):
    """−log p(x|z) of each example, and KL(N(m, v) ‖ N(0, I)) with the batch moments m, v of the posterior means."""

    is_bound = False
    metric_names = ("reconstruction", "population_kl", "population_mean")

    def terms(self, draw):
        means = draw.q.mean()
        m, v = tf.reduce_mean(means, axis=0), tf.math.reduce_variance(means, axis=0)
        kl = 0.5 * tf.reduce_sum(m**2 + v - 1 - tf.math.log(v))
        reconstruction = -log_px_z(draw.p, draw.x)
        metrics = {"reconstruction": reconstruction, "population_kl": kl, "population_mean": tf.reduce_mean(m)}
        return Terms(reconstruction, metrics, at_step(self.beta, draw.step) * kl)


def deterministic_vae(objective, optimizer=None, **compiled):
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layers.IndependentNormal(2, "mean")])
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3), layers.IndependentNormal(3, "mean", scale=0.7)]
    )
    vae = tfvae.VAE(encoder, decoder, objective=objective)
    vae.compile(optimizer or keras.optimizers.SGD(0.1), **compiled)
    return vae


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("batch_size", [16, 64])
def test_a_term_of_the_batch_is_added_once_whatever_the_weights(batch_size, fused, x):
    """Value and gradient of a step against one that is written by hand."""
    weights = np.linspace(0, 3, len(x)).astype("float32")
    vae = deterministic_vae(PopulationKL(beta=2.0), steps_per_execution="auto" if fused else 1)
    kernel, bias = (tf.Variable(v) for v in vae.encoder.layers[0].get_weights())
    decode, shift = (tf.Variable(v) for v in vae.decoder.layers[0].get_weights())
    losses, kls = [], []
    for start in range(0, len(x), batch_size):
        rows, w = x[start : start + batch_size], weights[start : start + batch_size]
        with tf.GradientTape() as tape:
            means = (rows @ kernel + bias)[:, :2]
            p = tfd.Independent(tfd.Normal(means @ decode + shift, 0.7), 1)
            m, v = tf.reduce_mean(means, axis=0), tf.math.reduce_variance(means, axis=0)
            kls.append(0.5 * tf.reduce_sum(m**2 + v - 1 - tf.math.log(v)))
            losses.append(tf.reduce_mean(-w * p.log_prob(rows)) + 2.0 * kls[-1])
        variables = [kernel, bias, decode, shift]
        for variable, gradient in zip(variables, tape.gradient(losses[-1], variables), strict=True):
            variable.assign_sub(0.1 * gradient)
    logs = vae.fit(x, batch_size=batch_size, sample_weight=weights, shuffle=False, verbose=0).history
    assert logs["loss"][0] == pytest.approx(np.mean(losses), rel=1e-5)
    assert logs["population_kl"][0] == pytest.approx(np.mean(kls), rel=1e-5)
    np.testing.assert_allclose(vae.encoder.layers[0].get_weights()[0], kernel, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(vae.decoder.layers[0].get_weights()[0], decode, rtol=1e-4, atol=1e-6)


def test_what_is_no_bound_is_not_called_one(x):
    vae = deterministic_vae(PopulationKL())
    assert ELBO.is_bound
    assert not vae.objective.is_bound
    logs = vae.evaluate(x, batch_size=64, verbose=0, return_dict=True)
    assert set(logs) == {"loss", "reconstruction", "population_kl", "population_mean"}
    assert np.isfinite(vae.log_likelihood(x, 50).log_likelihood).all()  # importance sampling knows no objective
    with pytest.raises(ValueError, match="whose parts PopulationKL does not show"):
        tfvae.Restarts(vae.encoder, vae.decoder, objective=PopulationKL())


def test_metrics_that_were_not_named_are_said(x):
    class Careless(PopulationKL):
        metric_names = ("reconstruction",)

    with pytest.raises(ValueError, match="Careless names the metrics reconstruction in `metric_names`"):
        deterministic_vae(Careless()).fit(x, verbose=0)


class Tempered(layers.IndependentNormal):
    """Draws whose noise is scaled by a scheduled temperature in training, and by 0 outside."""

    temperature = None

    def draws(self, q, n=1, *, training=False, step=None):
        noise = at_step(as_schedule(self.temperature, "temperature"), step) if training else 0.0
        return q.mean() + noise * (q.value - q.mean()), None


@pytest.mark.parametrize("fused", [True, False])
def test_a_posterior_reads_a_scheduled_temperature_in_training_and_none_outside(fused, x):
    posterior = Tempered(2)
    posterior.temperature = keras.optimizers.schedules.PolynomialDecay(1.0, 4, 0.0)  # 0 from the fifth step on
    vae = tfvae.make_dense_vae(3, 2, (8,), posterior=posterior, optimizer=keras.optimizers.SGD(0.0))
    vae.compile(keras.optimizers.SGD(0.0), steps_per_execution="auto" if fused else 1, jit_compile=False)
    logs = vae.fit(x, batch_size=16, epochs=3, shuffle=False, verbose=0).history
    silent = vae.evaluate(x, batch_size=16, verbose=0, return_dict=True)
    assert abs(logs["reconstruction"][0] - silent["reconstruction"]) > 1e-3
    assert logs["reconstruction"][1] == pytest.approx(silent["reconstruction"], rel=1e-5)
    assert logs["reconstruction"][2] == pytest.approx(silent["reconstruction"], rel=1e-5)


class PartsThatAreThere(Objective):
    """The ELBO of the parts that are there: a row whose part is NaN does not count, and has no gradient."""

    def terms(self, draw):
        log_p = 0.0
        for name, p in draw.p.items():
            there = tf.reduce_all(tf.math.is_finite(draw.x[name]), axis=-1)
            x = tf.where(there[:, None], draw.x[name], tf.zeros_like(draw.x[name]))
            log_p += tf.where(there, p.log_prob(x), 0.0)
        kl = tfd.kl_divergence(draw.q, draw.prior)
        return Terms(kl - log_p, {"reconstruction": -log_p, "kl": kl})


class TwoParts(tfvae.VAE):
    """A VAE that takes what is missing."""

    def check_data(self, *args, **kwargs):
        pass


def test_a_decoder_of_several_parts_of_which_some_are_missing(x):
    keras.utils.set_random_seed(0)
    z = keras.Input((2,))
    numbers = layers.IndependentNormal(3, "mean", scale=1.0, name="a")(keras.layers.Dense(3)(z))
    kind = layers.OneHotCategorical(4, "mode", name="b")(keras.layers.Dense(4)(z))
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layers.IndependentNormal(2, "mean")])
    vae = TwoParts(encoder, keras.Model(z, {"numbers": numbers, "kind": kind}), objective=PartsThatAreThere())
    vae.compile(keras.optimizers.SGD(0.0), jit_compile=False)
    kinds = np.eye(4, dtype="float32")[np.arange(len(x)) % 4]
    whole = vae.evaluate(x, {"numbers": x, "kind": kinds}, batch_size=64, verbose=0, return_dict=True)
    half = kinds.copy()
    half[::2] = np.nan
    missing = vae.evaluate(x, {"numbers": x, "kind": half}, batch_size=64, verbose=0, return_dict=True)
    p = vae.decode(vae.encode(x).mean())
    expected = -p["numbers"].log_prob(x).numpy()
    expected[1::2] -= p["kind"].log_prob(kinds).numpy()[1::2]
    assert missing["reconstruction"] == pytest.approx(expected.mean(), rel=1e-5)
    assert missing["reconstruction"] < whole["reconstruction"]
    logs = vae.fit(x, {"numbers": x, "kind": half}, batch_size=16, epochs=2, verbose=0).history
    assert np.isfinite(logs["loss"]).all()
    drawn = vae.predict(x, verbose=0)
    assert {k: v.shape for k, v in drawn.items()} == {"numbers": (64, 3), "kind": (64, 4)}
    for use in (lambda: vae.sample(2), lambda: vae.reconstruct(x), lambda: vae.log_likelihood(x)):
        with pytest.raises(ValueError, match="the decoder has numbers, kind: take each from `decode`"):
            use()


class Shifted(priors.StandardNormal):
    """A prior that shapes the posterior: its mean is the encoder's plus one."""

    def posterior(self, q):
        made = tfd.Independent(tfd.Normal(q.distribution.distribution.loc + 1.0, q.stddev()), 1)
        return DistributionTensor(made, q.value + 1.0)


def test_a_prior_may_shape_the_posterior_everywhere(x):
    from tfvae.evaluation import latent_report

    keras.utils.set_random_seed(0)
    likelihood = layers.IndependentNormal(3, "mean", scale=3.0)  # of flat weights, so that every q proposes well
    plain = tfvae.make_dense_vae(3, 2, (8,), likelihood=likelihood)
    vae = tfvae.VAE(plain.encoder, plain.decoder, Shifted(2))
    vae.compile("adam")
    np.testing.assert_allclose(vae.encode(x).mean(), plain.encode(x).mean() + 1.0, rtol=1e-5)
    kl = float(tf.reduce_mean(tfd.kl_divergence(vae.encode(x).distribution, vae.prior.distribution())))
    assert vae.evaluate(x, batch_size=64, verbose=0, return_dict=True)["kl"] == pytest.approx(kl, rel=1e-5)
    assert latent_report(vae, x).kl == pytest.approx(kl, rel=1e-5)
    # The exact log p(x) does not depend on q: both estimates of it agree.
    ours, theirs = (m.log_likelihood(0.1 * x, 5000) for m in (vae, plain))
    assert ours.mean == pytest.approx(theirs.mean, abs=0.1)


def test_the_decoder_runs_once_in_a_step(x):
    """Also where an objective asks for several draws."""
    calls = []

    class Counting(keras.layers.Layer):
        def call(self, inputs):
            calls.append(inputs.shape)
            return inputs

    decoder = keras.Sequential(
        [keras.Input((2,)), Counting(), keras.layers.Dense(6), layers.IndependentNormal(3, "mean")]
    )
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layers.IndependentNormal(2)])
    for objective, rows in ((ELBO(), 64), (tfvae.objectives.IWAE(5), 320)):
        vae = tfvae.VAE(encoder, decoder, objective=objective)
        vae.compile("adam", run_eagerly=True)
        calls.clear()
        vae.fit(x, batch_size=64, verbose=0)
        assert [shape[0] for shape in calls] == [rows]
        calls.clear()
        vae.predict(x, batch_size=64, verbose=0)
        assert [shape[0] for shape in calls] == [64]
