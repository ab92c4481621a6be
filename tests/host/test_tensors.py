"""The distribution that is also a tensor, in all of Keras' styles."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import layers
from tfvae.host.tensors import DistributionTensor, as_distribution
from tfvae.objectives import NegativeLogProb

tfd = tfp.distributions


def normal(batch=4):
    return layers.IndependentNormal(3, seed=1)(tf.random.normal((batch, 6)))


def dense_to_normal(inputs, size=3):
    return layers.IndependentNormal(size)(keras.layers.Dense(2 * size)(inputs))


def test_forwards_methods_properties_and_refuses_private_marks():
    rv = normal()
    np.testing.assert_array_equal(rv.mean(), rv.distribution.mean())
    assert rv.event_shape == (3,)
    assert not hasattr(rv, "_keras_mask")
    with pytest.raises(AttributeError, match="Normal.*no_such_thing|no_such_thing"):
        rv.no_such_thing  # noqa: B018


@pytest.mark.parametrize("operation", [
    lambda t: t + 1, lambda t: 1 - t, lambda t: t * t, lambda t: t / 2, lambda t: -t, abs, lambda t: t[0], lambda t: t**2,
    lambda t: t > 0, lambda t: t == 1.0, lambda t: t != 1.0, lambda t: np.ones(3, "float32") * t, lambda t: t @ np.ones((3, 2), "float32"),
])  # fmt: skip
def test_arithmetic_is_that_of_the_value(operation):
    rv = normal()
    np.testing.assert_array_equal(operation(rv), operation(rv.value))


def test_tensorflow_and_keras_ops_take_the_value():
    rv = normal()
    np.testing.assert_array_equal(tf.reduce_sum(rv), tf.reduce_sum(rv.value))
    np.testing.assert_array_equal(keras.ops.sum(rv), tf.reduce_sum(rv.value))
    assert len(rv) == 4
    assert len(list(rv)) == 4


def test_kl_and_tfp_functions_accept_it():
    q, p = normal(), tfd.Independent(tfd.Normal(tf.zeros(3), 1.0), 1)
    exact = tfd.kl_divergence(q.distribution, p)
    np.testing.assert_array_equal(tfd.kl_divergence(q, p), exact)
    np.testing.assert_array_equal(tfd.kl_divergence(q, q), tf.zeros(4))
    np.testing.assert_array_equal(q.kl_divergence(p), exact)
    np.testing.assert_allclose(tfd.kl_divergence(p, q), tfd.kl_divergence(p, q.distribution))


def test_a_consumer_of_a_plain_tensor_says_what_is_wrong():
    with pytest.raises(TypeError, match=r"A KL term needs a distribution but got a plain tensor of shape \(2, 3\)"):
        as_distribution(tf.zeros((2, 3)), "A KL term")
    with pytest.raises(TypeError, match="got a int"):
        as_distribution(1, "A KL term")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense, self.out = keras.layers.Dense(6), layers.IndependentNormal(3)

    def call(self, x):
        return self.out(self.dense(x))


def functional():
    inputs = keras.Input((3,))
    return keras.Model(inputs, dense_to_normal(keras.layers.Dense(5)(inputs)))


def sequential():
    return keras.Sequential([keras.layers.Dense(6), layers.IndependentNormal(3)])


def model_of_models():
    inputs = keras.Input((3,))
    return keras.Model(inputs, sequential()(functional()(inputs)))


@pytest.mark.parametrize("make", [Subclassed, functional, sequential, model_of_models])
@pytest.mark.parametrize("options", [{}, {"steps_per_execution": 3}, {"jit_compile": True}, {"run_eagerly": True}])
def test_works_in_every_style_of_model(make, options, x):
    model = make()
    seen = []

    def mode_error(y, rv):
        seen.append(type(rv))
        return tf.reduce_mean(tf.square(y - rv.mode()), axis=-1)

    model.compile("adam", loss=lambda y, rv: -rv.log_prob(y), metrics=[mode_error], **options)
    history = model.fit(
        x, x, batch_size=16, epochs=2, verbose=0, validation_data=(x, x), sample_weight=np.ones(64)
    ).history
    assert set(history) == {"loss", "mode_error", "val_loss", "val_mode_error"}
    assert set(seen) == {DistributionTensor}
    assert model.predict(x, verbose=0).shape == (64, 3)
    assert model.train_on_batch(x, x)[0] > 0
    rv = model(x)
    expected = -tf.reduce_mean(rv.log_prob(x))
    if make is not model_of_models:  # there the inner draw differs in each call
        np.testing.assert_allclose(model.evaluate(x, x, verbose=0)[0], expected, rtol=1e-5)


def test_sample_weight_weighs_the_examples(x):
    model = functional()
    model.compile("sgd", NegativeLogProb())
    weights = np.arange(64, dtype="float32")
    expected = np.mean(-model(x).log_prob(x) * weights)
    np.testing.assert_allclose(
        model.evaluate(x, x, sample_weight=weights, batch_size=64, verbose=0), expected, rtol=1e-5
    )


def test_output_of_one_model_is_input_of_the_next(x):
    first, second = functional(), sequential()
    rv = second(first(x))
    assert isinstance(rv, DistributionTensor)
    assert first(x).mean().shape == (64, 3)


@pytest.mark.parametrize("name", ["sample", "mean", "mode", "stddev", "variance"])
def test_convert_to_tensor_fn_by_name_and_by_method(name, x):
    params = tf.constant(np.tile(x, 2))
    for given in (name, getattr(tfd.Distribution, name)):
        rv = layers.IndependentNormal(3, given, seed=5)(params)
        if name != "sample":
            np.testing.assert_array_equal(rv.value, getattr(rv.distribution, name)())
    assert layers.IndependentBernoulli(6, tfd.Bernoulli.logits)(params).value is not None
    with pytest.raises(ValueError, match="must be one of sample, mean"):
        layers.IndependentNormal(3, "median")
    with pytest.raises(TypeError, match="name or a callable"):
        layers.IndependentNormal(3, 4)


def test_several_draws_reach_the_next_layers_and_a_decoder(x):
    encoder = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), layers.IndependentNormal(2, lambda d: d.sample(5))]
    )
    assert encoder(x).shape == (5, 64, 2)
    as_layers = keras.Sequential([keras.layers.Dense(6), layers.IndependentNormal(3, "mean")])
    rv = as_layers(encoder(x))
    assert rv.batch_shape == (5, 64)
    assert rv.log_prob(x).shape == (5, 64)
    declared = keras.Sequential([keras.Input((None, 2)), keras.layers.Dense(6), layers.IndependentNormal(3, "mean")])
    net = keras.Model(encoder.inputs, declared(encoder.outputs[0]))
    net.compile("adam", loss=lambda y, rv: -rv.log_prob(y))
    net.fit(x, x, verbose=0)
    narrow = keras.Sequential([keras.Input((2,)), keras.layers.Dense(6), layers.IndependentNormal(3)])
    with pytest.raises(
        ValueError, match=r"several draws: a decoder takes them when it is declared Input\(\(None, 2\)\)"
    ):
        narrow(encoder(x))


def test_a_lambda_is_refused_at_save_and_a_registered_function_is_not(x, tmp_path):
    def model_with(function):
        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(6), layers.IndependentNormal(3, function)])

    unnamed = model_with(lambda d: 2 * d.mean())
    with pytest.raises(ValueError, match=r"def.*register_keras_serializable"):
        unnamed.save(tmp_path / "unnamed.keras")
    np.testing.assert_allclose(keras.models.clone_model(unnamed)(x).shape, (64, 3))

    @keras.saving.register_keras_serializable("tests")
    def twice_the_mean(d):
        return 2 * d.mean()

    named = model_with(twice_the_mean)
    named.save(tmp_path / "named.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "named.keras")(x).value, named(x).value)


def test_distribution_lambda(x, tmp_path):
    @keras.saving.register_keras_serializable("tests")
    def unit_normal(params):
        return tfd.Independent(tfd.Normal(params, 1.0), 1)

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3), layers.DistributionLambda(unit_normal)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x).log_prob(x), model(x).log_prob(x))
    with pytest.raises(TypeError, match="must return a distribution"):
        layers.DistributionLambda(lambda t: t)(x)


def test_log_prob_casts_an_argument_given_by_name():
    normal64 = tfd.Normal(tf.zeros([2], tf.float64), tf.ones([2], tf.float64))
    tensor = DistributionTensor(normal64, tf.zeros([2]))
    x = tf.constant([0.5, 1.0])
    np.testing.assert_array_equal(tensor.log_prob(value=x), tensor.log_prob(x))
