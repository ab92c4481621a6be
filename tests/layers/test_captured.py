"""Variables that a `DistributionLambda`'s function reads are trained and saved."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import layers
from tfvae.objectives import NegativeLogProb

tfd, tfb = tfp.distributions, tfp.bijectors
WEIGHT, SHIFT = tf.Variable(0.5), keras.Variable(0.1)
SCALE = tfp.util.TransformedVariable(1.0, tfb.Softplus())
FIXED = tf.Variable(3.0, trainable=False)


@keras.saving.register_keras_serializable("tests")
def shifted(t):
    return tfd.Independent(tfd.Normal(t * WEIGHT + SHIFT + 0 * FIXED, SCALE), 1)


def model_of(function):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3), layers.DistributionLambda(function, "mean")])
    model.compile(keras.optimizers.Adam(0.1), NegativeLogProb())
    return model


def test_of_a_module_of_a_transformed_variable_and_of_keras(x, tmp_path):
    WEIGHT.assign(0.5)
    model = model_of(shifted)
    assert len(model.trainable_variables) == 2 + 3
    assert [float(v.value) for v in model.non_trainable_variables if v.shape == ()] == [3.0]
    before = [float(WEIGHT), float(SHIFT), float(SCALE.pretransformed_input)]
    model.fit(x, 2 * x, verbose=0)
    after = [float(WEIGHT), float(SHIFT), float(SCALE.pretransformed_input)]
    assert all(a != b for a, b in zip(before, after, strict=True))
    model.save(tmp_path / "m.keras")
    loss = model.evaluate(x, x, verbose=0)
    WEIGHT.assign(9.0)
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert float(WEIGHT) == after[0]
    assert loaded.evaluate(x, x, verbose=0) == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("how", ["closure", "partial", "method", "nested", "layer"])
def test_wherever_they_are_held(how, x):
    variable = tf.Variable(0.5)
    dense = keras.layers.Dense(3, use_bias=False)
    dense.build((None, 3))

    class Holder:
        scale = variable

        def make(self, t):
            return tfd.Independent(tfd.Normal(t * self.scale, 1.0), 1)

    def scaled(t, by):
        return tfd.Independent(tfd.Normal(t * by, 1.0), 1)

    def inner(t):
        return t * variable

    function = {
        "closure": lambda t: tfd.Independent(tfd.Normal(t * variable, 1.0), 1),
        "partial": functools.partial(scaled, by=variable),
        "method": Holder().make,
        "nested": lambda t: tfd.Independent(tfd.Normal(inner(t), 1.0), 1),
        "layer": lambda t: tfd.Independent(tfd.Normal(dense(t), 1.0), 1),
    }[how]
    held = dense.kernel if how == "layer" else variable
    before = np.array(held)
    model = model_of(function)
    model.fit(x, x, verbose=0)
    assert np.all(np.array(held) != before)
    assert len(model.trainable_variables) == 3


def test_one_variable_in_two_layers_is_one(x):
    variable = tf.Variable(0.5)

    def make(t):
        return tfd.Independent(tfd.Normal(t * variable, 1.0), 1)

    model = keras.Sequential([keras.Input((3,)), layers.DistributionLambda(make), layers.DistributionLambda(make)])
    assert len(model.trainable_variables) == 1


def test_of_a_function_of_two_inputs():
    dense = keras.layers.Dense(3)

    def make(t, u):
        return tfd.Independent(tfd.Normal(dense(t) + u, 1.0), 1)

    t = tf.ones([2, 3])
    with pytest.raises(ValueError, match="whose variables do not exist yet: build it first"):
        layers.DistributionLambda(make)(t, t)
    dense.build((None, 3))
    layer = layers.DistributionLambda(make)
    layer(t, t)
    assert len(layer.trainable_variables) == 2
