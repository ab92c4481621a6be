"""Each internal of Keras, TensorFlow and TFP that is used: if its host moves it, the test of that name says so."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host import keras_door
from tfvae.host.tensors import DistributionTensor

tfd = tfp.distributions


@pytest.fixture
def model():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(7), keras.layers.Dropout(0.5)])
    return keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(2)])


def test_tensor_type():
    assert issubclass(keras.Variable, tf.__internal__.types.Tensor)
    assert issubclass(DistributionTensor, keras_door.TensorType)
    assert tf.is_tensor(DistributionTensor(None, 1.0))


def test_name_scope_method():
    assert hasattr(tfd.Distribution, keras_door.NAME_SCOPE_METHOD)
    rv = DistributionTensor(tfd.Normal(0.0, 1.0), 0.0)
    assert float(tfd.kl_divergence(rv, tfd.Normal(0.0, 1.0))) == 0


def test_handle_casts_of():
    rv = DistributionTensor(tfd.Normal(tf.constant(0.0, tf.float64), 1.0), tf.constant(2.0, tf.float64))
    cast = tf.cast(rv, tf.float32)
    assert isinstance(cast, DistributionTensor)
    assert (cast.dtype, cast.distribution.dtype) == (tf.float32, tf.float64)
    assert not isinstance(tf.cast(rv, tf.int32), DistributionTensor)


def test_sublayers(model):
    kinds = [type(layer).__name__ for layer in keras_door.sublayers(model)]
    assert kinds.count("Dense") == 2
    assert "Dropout" in kinds
    assert len(keras_door.sublayers(model, include_self=False)) == len(kinds) - 1


def test_output_sizes(model):
    sizes = keras_door.output_sizes(keras_door.sublayers(model))
    assert max(sizes) == 7
    assert len(sizes) >= 3


def test_is_validation_inside_fit(model):
    seen = []

    class Watching(keras.Sequential):
        def evaluate(self, *args, **kwargs):
            seen.append(keras_door.is_validation_inside_fit(kwargs))
            return super().evaluate(*args, **kwargs)

    watched = Watching([keras.Input((3,)), keras.layers.Dense(2)])
    watched.compile("sgd", "mse")
    x, y = np.zeros((4, 3)), np.zeros((4, 2))
    watched.fit(x, y, validation_data=(x, y), verbose=0)
    watched.evaluate(x, y, verbose=0)
    assert seen == [True, False]


def test_is_distributed(model):
    assert not keras_door.is_distributed(model)
    devices = [d.name.replace("/device:", "") for d in tf.config.list_logical_devices("CPU")]
    with tf.distribute.MirroredStrategy(devices[:1]).scope():
        assert keras_door.is_distributed(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))


def test_loss_tracker(model):
    model.compile("sgd", "mse")
    tracker = keras_door.loss_tracker(model)
    tracker.update_state(3.0)
    assert model.get_metrics_result()["loss"] == 3.0


def test_positions():
    image = keras.Input((8, 6, 3))
    down, up = keras.layers.Conv2D(4, 3, 2, "same"), keras.layers.Conv2DTranspose(4, 3, 2, "same")
    dense = keras.layers.Dense(2)
    keras.Model(image, dense(keras.layers.Flatten()(up(down(image)))))
    assert [keras_door.positions(layer) for layer in (down, up, dense)] == [12, 12, 1]


def test_seed_states(model):
    (state,) = keras_door.seed_states(model)
    before = state.numpy()
    model(np.zeros((2, 3)), training=True)
    assert not np.array_equal(before, state.numpy())


def test_sharing_variable():
    variable = tf.Variable(2.0, name="shared")
    ours = keras_door.sharing_variable(variable)
    ours.assign(5.0)
    assert float(variable) == 5.0
    assert keras_door.sharing_variable(variable) is ours
