"""What every distribution layer keeps, over the class tree."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.cases import CASES
from tfvae import layers
from tfvae.host.tensors import DistributionTensor
from tfvae.objectives import NegativeLogProb

over_cases = pytest.mark.parametrize("case", CASES, ids=repr)


def params_of(case, n=5, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=(n, case.make().num_params)), tf.float32)


def events_of(case, n=5, seed=1):
    return tf.constant(case.event(np.random.default_rng(seed), n), tf.float32)


def model_of(case, **kwargs):
    layer = case.make(**kwargs)
    return keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(layer.num_params), layer])


def test_every_concrete_layer_has_a_case():
    covered = {type(case.make()) for case in CASES} | {layers.DistributionLambda}
    concrete = {
        c
        for c in (getattr(layers, name) for name in layers.__all__)
        if isinstance(c, type) and issubclass(c, layers.DistributionLayer)
    }
    without_density = {c for c in concrete if not c.has_density}  # tests/objectives/test_autoencoders.py
    bounded = {layers.EpanechnikovPosterior, layers.IndependentEpanechnikov}  # tests/models/test_epanechnikov_vae.py
    assert concrete - covered - without_density - bounded == {layers.DistributionLayer}


@over_cases
def test_density_equals_tfp(case):
    if case.tfp_new is None:
        pytest.skip("TFP has no such layer")
    params, events = params_of(case), events_of(case)
    ours = case.make()(params)
    np.testing.assert_allclose(ours.log_prob(events), case.tfp_new(params).log_prob(events), rtol=1e-6, atol=1e-6)


@over_cases
def test_params_size_is_tfps(case):
    layer = case.make()
    tfp_class = getattr(__import__("tensorflow_probability").layers, type(layer).__name__, None)
    if tfp_class is None:
        pytest.skip("TFP has no such layer")
    arguments = {
        "IndependentNormal": ((2, 3),), "MixtureNormal": (2, 3), "MixtureLogistic": (2, 3),
        "MixtureSameFamily": (2, 6), "OneHotCategorical": (4,), "CategoricalMixtureOfOneHotCategorical": (4, 2),
    }.get(type(layer).__name__, (3,))  # fmt: skip
    assert type(layer).params_size(*arguments) == tfp_class.params_size(*arguments) == layer.num_params


@over_cases
def test_output_is_tensor_and_distribution(case):
    rv = case.make(convert_to_tensor_fn="sample")(params_of(case))
    assert isinstance(rv, DistributionTensor)
    assert tf.is_tensor(rv)
    assert tuple(rv.shape) == (5, *rv.event_shape)
    assert rv.distribution is rv.tensor_distribution
    assert rv.batch_shape == (5,)
    np.testing.assert_array_equal(np.asarray(rv), rv.value)
    np.testing.assert_allclose(rv + 1.0, rv.value + 1.0)
    np.testing.assert_allclose(2.0 * rv, 2.0 * rv.value)
    assert "DistributionTensor" in repr(rv)


@over_cases
def test_gradient_reaches_all_parameters_through_log_prob(case):
    params, events = params_of(case), events_of(case)
    with tf.GradientTape() as tape:
        tape.watch(params)
        loss = tf.reduce_sum(case.make().distribution(params).log_prob(events))
    assert np.all(np.abs(tape.gradient(loss, params)).max(axis=0) > 0)


@over_cases
def test_gradient_reaches_all_parameters_through_the_draw_alone(case):
    """Through z alone: with log q(z) in the loss, logits get a gradient that is wrong, and not None."""
    if not case.reparameterized:
        pytest.skip("not reparameterized")
    params = params_of(case, n=200)
    with tf.GradientTape() as tape:
        tape.watch(params)
        loss = tf.reduce_sum(tf.sin(case.make()(params).value))
    gradient = tape.gradient(loss, params)
    assert np.all(np.abs(gradient).max(axis=0) > 0)


@pytest.mark.parametrize(
    ("case", "jit_compile"), [*((case, True) for case in CASES), *((case, False) for case in CASES[:2])], ids=repr
)
def test_trains_saves_loads_and_trains_on(case, jit_compile, tmp_path):
    inputs = np.random.default_rng(2).normal(size=(32, 4)).astype("float32")
    events = events_of(case, 32)
    model = model_of(case)
    model.compile("adam", NegativeLogProb(), jit_compile=jit_compile)
    before = model.evaluate(inputs, events, verbose=0)
    model.fit(inputs, events, epochs=3, batch_size=8, verbose=0)
    assert model.evaluate(inputs, events, verbose=0) < before
    assert isinstance(model.predict(inputs, verbose=0), np.ndarray)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(model(inputs).log_prob(events), loaded(inputs).log_prob(events))
    loaded.fit(inputs, events, epochs=1, verbose=0)
    assert loaded.optimizer.iterations == 12 + 1


@over_cases
def test_config_round_trip(case):
    layer = case.make(seed=3, name="a_layer")
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.serialize_keras_object(keras.saving.deserialize_keras_object(config))
    assert again == config


@over_cases
def test_clone_model(case):
    model = model_of(case)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    inputs, events = tf.ones((5, 4)), events_of(case)
    np.testing.assert_array_equal(clone(inputs).log_prob(events), model(inputs).log_prob(events))


@over_cases
def test_densities_stay_float32_under_mixed_precision(case):
    keras.config.set_dtype_policy("mixed_float16")
    rv = model_of(case)(tf.ones((5, 4)))
    assert rv.dtype == rv.log_prob(events_of(case)).dtype == tf.float32


@over_cases
def test_run_eagerly_and_train_on_batch(case):
    inputs, events = np.ones((8, 4), "float32"), events_of(case, 8)
    model = model_of(case)
    model.compile("sgd", NegativeLogProb(), run_eagerly=True)
    model.fit(inputs, events, verbose=0)
    assert np.isfinite(model.train_on_batch(inputs, events))


@over_cases
def test_wrong_number_of_parameters_is_one_sentence(case):
    wrong = case.make().num_params + 1
    with pytest.raises(ValueError, match="parameters"):
        case.make().distribution(tf.zeros((2, wrong)))


@pytest.mark.parametrize("jit_compile", [True, False])
def test_normal_draws_are_standard(jit_compile):
    params = tf.constant(np.tile([[1.0, -2.0, 0.5, 1.5]], (50_000, 1)), tf.float32)
    layer = layers.IndependentNormal(2, seed=3)
    normal = layer(params[:1]).distribution.distribution
    values = tf.function(lambda p: tf.convert_to_tensor(layer(p)), jit_compile=jit_compile)(params).numpy()
    noise = ((values - normal.loc) / normal.scale).numpy()
    assert np.all(np.abs(noise.mean(axis=0)) < 5 / np.sqrt(50_000))  # each by chance once in 1.7 million
    assert np.all(np.abs(noise.var(axis=0) - 1) < 5 * np.sqrt(2 / 50_000))
    assert abs(np.corrcoef(noise.T)[0, 1]) < 5 / np.sqrt(50_000)


@over_cases
def test_draws_are_seeded(case):
    params = params_of(case)
    first, again = (case.make(seed=7, convert_to_tensor_fn="sample") for _ in range(2))
    a, b = first(params).value, first(params).value
    np.testing.assert_array_equal(a, again(params).value)

    if type(first).__name__ not in (
        "OneHotCategorical",
        "GumbelSoftmax",
        "CategoricalMixtureOfOneHotCategorical",
        "IndependentBernoulli",
    ):
        assert np.any(a != b)
