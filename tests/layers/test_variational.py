"""VariationalLayer and its family: the loss against closed forms and TFP, and what a model made with them does."""

import math

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tests.draws import draw_of
from tfvae import layers
from tfvae.distributions import continuous_bernoulli_log_normalizer
from tfvae.models import as_vae, encoder_and_decoder

tfd = tfp.distributions
FAMILY = [
    layers.VariationalLayer,
    layers.MSEVariationalLayer,
    layers.ReconstructionOnlyVariationalLayer,
    layers.GaussianVariationalLayer,
    layers.ContinuousBernoulliVariationalLayer,
]
over_family = pytest.mark.parametrize("cls", FAMILY, ids=lambda c: c.__name__)


@pytest.fixture
def pixels():
    return np.random.default_rng(1).random((40, 3)).astype("float32")


def small(cls, **kwargs):
    return tfvae.make_vae(3, dim_latent=2, dim_intermediate=5, cls_vae=cls, **kwargs)


def oracle(cls, x, mean):
    """−log p(x | mean) by SciPy or NumPy, in float64."""
    x, mean = np.asarray(x, "float64"), np.asarray(mean, "float64")
    if issubclass(cls, layers.MSEVariationalLayer):
        return ((x - mean) ** 2).sum(axis=1)
    if cls is layers.GaussianVariationalLayer:
        return -scipy.stats.norm.logpdf(x, mean, 0.1).sum(axis=1)
    cross_entropy = -(x * np.log(mean) + (1 - x) * np.log1p(-mean)).sum(axis=1)
    if cls is layers.ContinuousBernoulliVariationalLayer:
        return cross_entropy - np.log(2 * np.arctanh(1 - 2 * mean) / (1 - 2 * mean)).sum(axis=1)
    return cross_entropy


@over_family
def test_the_family_is_complete_and_each_loss_is_its_closed_form(cls, pixels):
    rng = np.random.default_rng(2)
    mean = rng.uniform(0.05, 0.95, (40, 3)).astype("float32")
    z_mean, z_log_var = rng.normal(size=(2, 40, 2)).astype("float32")
    layer = cls()
    returned = layer([tf.constant(v) for v in (pixels, mean, z_mean, z_log_var)])
    kl = 0.5 * (z_mean**2 + np.exp(z_log_var) - 1 - z_log_var).sum(axis=1)
    expected = oracle(cls, pixels, mean) + (0 if cls is layers.ReconstructionOnlyVariationalLayer else kl)
    (loss,) = layer.losses
    assert float(loss) == pytest.approx(expected.mean(), rel=1e-5)
    assert float(layer.kl_metric.result()) == pytest.approx(kl.mean(), rel=1e-5)
    np.testing.assert_array_equal(returned, mean)
    defined = {
        c
        for c in (getattr(layers, name) for name in layers.__all__)
        if isinstance(c, type) and issubclass(c, layers.VariationalLayer)
    }
    assert defined == set(FAMILY)


@over_family
def test_the_density_is_the_losss(cls, pixels):
    """model_nll and −log likelihood differ by a constant, which is 0 where the loss is a density's."""
    layer = cls()
    layer.build([(None, 3), (None, 3), (None, 2), (None, 2)])
    mean = np.random.default_rng(2).uniform(0.05, 0.95, (40, 3))
    mean[0] = [0, 1, 1]  # a saturated sigmoid
    mean = tf.constant(mean, tf.float32)
    difference = -layer.likelihood(mean).log_prob(pixels) - layer.model_nll(tf.constant(pixels), mean)
    constant = 1.5 * math.log(math.pi) if issubclass(cls, layers.MSEVariationalLayer) else 0.0
    np.testing.assert_allclose(difference, np.full(40, constant), atol=2e-5)


def test_continuous_bernoulli_normalizes():
    logits = np.array([-30.0, -5, -1, -0.051, -0.049, -1e-4, 0, 1e-3, 0.3, 4, 30])
    x = (np.arange(200_000) + 0.5) / 200_000
    for logit, log_c in zip(logits, continuous_bernoulli_log_normalizer(logits).numpy(), strict=True):
        log_density = log_c + x * logit - np.logaddexp(0, logit)
        assert np.exp(log_density).mean() == pytest.approx(1, abs=1e-6), logit
        with tf.GradientTape() as tape:
            variable = tf.Variable(logit)
            value = continuous_bernoulli_log_normalizer(variable)
        step = 1e-4
        numeric = np.diff(continuous_bernoulli_log_normalizer([logit - step, logit + step]).numpy())[0] / (2 * step)
        assert float(tape.gradient(value, variable)) == pytest.approx(numeric, abs=1e-4)
    oracle_ = tfd.ContinuousBernoulli(logits=logits[1:-1]).log_prob(0.3).numpy()
    ours = continuous_bernoulli_log_normalizer(logits) + 0.3 * logits - np.logaddexp(0, logits)
    np.testing.assert_allclose(ours[1:-1], oracle_, atol=1e-5)


@pytest.mark.parametrize(
    ("cls", "jit_compile"),
    [(FAMILY[-1], True), *((cls, False) for cls in FAMILY)],
    ids=lambda v: getattr(v, "__name__", v),
)
def test_fits_predicts_and_comes_back_from_a_file(cls, jit_compile, pixels, tmp_path):
    vae, encoder, decoder = small(cls)
    vae.compile("adam", jit_compile=jit_compile)
    logs = vae.fit(pixels, epochs=2, batch_size=16, verbose=0, validation_data=(pixels, None)).history
    assert {"loss", "reconstruction", "kl", "val_loss", "val_reconstruction", "val_kl"} <= set(logs)
    assert ("scale" in logs) == (cls is layers.GaussianVariationalLayer)
    if cls is not layers.ReconstructionOnlyVariationalLayer:
        assert logs["loss"][-1] == pytest.approx(logs["reconstruction"][-1] + logs["kl"][-1], rel=1e-4)
    assert vae.predict(pixels, verbose=0).shape == (40, 3)
    assert encoder.predict(pixels, verbose=0).shape == (40, 2)
    z = np.zeros((4, 2), "float32")
    for k, model in enumerate((vae, encoder, decoder)):
        model.save(tmp_path / f"{k}.keras")
    again = keras.models.load_model(tmp_path / "0.keras")
    assert type(again.layers[-1]) is cls
    np.testing.assert_array_equal(encoder(pixels), keras.models.load_model(tmp_path / "1.keras")(pixels))
    np.testing.assert_array_equal(decoder(z), keras.models.load_model(tmp_path / "2.keras")(z))
    encoder_again, decoder_again = encoder_and_decoder(again)
    np.testing.assert_array_equal(encoder(pixels), encoder_again(pixels))
    np.testing.assert_array_equal(decoder(z), decoder_again(z))
    assert np.isfinite(again.fit(pixels, verbose=0).history["loss"]).all()
    shared = decoder.layers[-1].kernel
    assert any(shared is v for v in vae.trainable_variables)


def test_fused_and_plain_paths_agree(pixels):
    def trained(steps):
        keras.utils.set_random_seed(3)
        vae = small(layers.VariationalLayer)[0]
        vae.compile("adam", steps_per_execution=steps, jit_compile=False)
        vae.fit(pixels, epochs=3, batch_size=16, shuffle=False, verbose=0)
        return vae.get_weights()

    for fused, plain in zip(trained("auto"), trained(1), strict=True):
        np.testing.assert_allclose(fused, plain, rtol=1e-4, atol=1e-6)


def test_the_layer_and_the_vae_give_the_same_number_on_the_same_draw(pixels):
    """Document 002's route and `VAE`'s: the same weights, the same z, the same loss."""
    vae = small(layers.VariationalLayer, dropout=None)[0]
    seen = as_vae(vae)
    mean, log_var = (vae.get_layer(name).output for name in ("z_mean", "z_log_var"))
    z = keras.Model(vae.input, [mean, log_var, vae.get_layer("z").output])(pixels)
    inner = vae.layers[-1]
    _, decoder = encoder_and_decoder(vae)
    by_layer = inner._vae_loss(tf.constant(pixels), decoder(z[2]), z[0], z[1])
    q, p = seen.encode(pixels).distribution, seen.decode(z[2]).distribution
    terms = seen.objective.terms(draw_of(tf.constant(pixels), q, z[2], p, seen.prior.distribution()))
    assert float(by_layer) == pytest.approx(float(tf.reduce_mean(terms.loss)), rel=1e-5)
    assert np.isfinite(seen.log_likelihood((pixels > 0.5).astype("float32"), 20).log_likelihood).all()
    assert seen.sample(5, seed=0).shape == (5, 3)


def test_the_documents_own_subclass_works_unchanged(pixels):
    class Hacky(layers.MSEVariationalLayer):
        def _vae_loss(self, x, x_decoded_mean, z_mean, z_log_var):
            return keras.ops.mean(self.model_nll(x, x_decoded_mean))

    class Laplace(layers.VariationalLayer):
        def model_nll(self, x, x_pred):
            return keras.ops.sum(keras.ops.abs(x - x_pred), axis=-1)

    for cls in (Hacky, Laplace):
        vae = small(cls)[0]
        data = pixels if cls is Hacky else 3 * pixels - 1  # a likelihood of one's own has its own range
        logs = vae.fit(data, verbose=0, validation_data=data).history
        assert np.isfinite(logs["val_loss"]).all()
        assert min(logs["kl"][0], logs["reconstruction"][0]) > 0  # shown whatever is minimized

    class Absolute(layers.MSEVariationalLayer):
        def model_nll(self, x, x_pred):
            return keras.ops.sum(keras.ops.abs(x - x_pred), axis=-1)

    with pytest.raises(NotImplementedError, match="Absolute defines `model_nll` but not `likelihood`"):
        as_vae(small(Absolute)[0])
    with pytest.raises(NotImplementedError, match="Laplace defines `model_nll` but not `likelihood`"):
        as_vae(vae)(pixels)


def test_fit_takes_data_sets(pixels):
    dataset = tf.data.Dataset.from_tensor_slices(pixels).batch(8)
    vae = small(layers.VariationalLayer)[0]
    logs = vae.fit(dataset, epochs=1, verbose=0, validation_data=dataset).history
    assert np.isfinite(logs["val_loss"]).all()


def test_trains_on_two_replicas(pixels):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        keras.utils.set_random_seed(0)
        vae = small(layers.MSEVariationalLayer, dropout=None)[0]
        vae.compile("sgd")
    assert np.isfinite(vae.fit(pixels, batch_size=40, verbose=0).history["loss"]).all()


BAD_DATA = [
    (lambda x: (255 * x).astype("uint8"), "integers from .*divide them by 255"),
    (lambda x: 2 * x - 1, r"values from -.*scale them to \[0, 1\]"),
    (lambda x: np.where(x > 0.9, np.nan, x), "`x` has NaN or infinite values"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD_DATA)
def test_bad_pixels_are_refused_before_a_step(spoil, message, pixels):
    for cls in (layers.VariationalLayer, layers.ContinuousBernoulliVariationalLayer):
        vae = small(cls)[0]
        with pytest.raises(ValueError, match=message):
            vae.fit(spoil(pixels), verbose=0)
        assert vae.optimizer.iterations == 0
    with pytest.raises(ValueError, match="validation_data"):
        vae.fit(pixels, verbose=0, validation_data=(spoil(pixels), None))
    for likelihood in (layers.IndependentBernoulli(3, "mean"), layers.IndependentContinuousBernoulli(3, "mean")):
        with pytest.raises(ValueError, match=message):
            tfvae.make_dense_vae(3, 2, (4,), likelihood=likelihood).fit(spoil(pixels), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"cls_vae": keras.layers.Dense}, TypeError, "`cls_vae` must be a subclass of VariationalLayer"),
        ({"cls_vae": "bernoulli"}, TypeError, "`cls_vae` must be a subclass of VariationalLayer"),
        ({"n_layers": 0}, ValueError, "`n_layers` must be an int of at least 1, but got 0"),
        ({"dim_latent": -1}, ValueError, "`dim_latent` must be an int of at least 1"),
        ({"dim_intermediate": 2.5}, ValueError, "`dim_intermediate` must be an int of at least 1, but got 2.5"),
        ({"dim_original": 0}, ValueError, "`dim_original` must be an int of at least 1"),
    ],
)
def test_wrong_arguments_are_one_sentence(arguments, error, message):
    with pytest.raises(error, match=message):
        tfvae.make_vae(**{"dim_original": 3, **arguments})


def test_the_layer_says_what_it_is_called_with():
    with pytest.raises(ValueError, match="must be called with"):
        layers.VariationalLayer()(tf.zeros([2, 3]))


def test_encoder_and_decoder_are_the_vaes(pixels):
    vae, encoder, decoder = small(layers.GaussianVariationalLayer, dropout=None, n_layers=3)
    vae.fit(pixels, verbose=0)
    z = as_vae(vae).encode(pixels).mean()
    np.testing.assert_allclose(encoder(pixels), z, rtol=1e-6)
    np.testing.assert_allclose(decoder(z), as_vae(vae).decode(z).mean(), rtol=1e-6)
