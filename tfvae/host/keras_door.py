"""The one door to what Keras, TensorFlow and TFP do not export: each thing behind a function that says what it is for.

`tests/host/test_keras_door.py` has a test for each that fails when the host moves it.
"""

import importlib
import math
import weakref
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

# The base class by which Keras makes its own `keras.Variable` acceptable to TensorFlow: `tf.is_tensor` is true for it,
# Keras passes it on unchanged, and any computing op converts it by `__tf_tensor__`.
TensorType: Any = tf.__internal__.types.Tensor

# TFP's functions open a name scope on a distribution by this method; other private names are never asked of it.
NAME_SCOPE_METHOD = "_name_and_control_scope"

# The Keras variable that shares the storage of a tf.Variable, by the id of that one, which it keeps alive.
_SHARING: weakref.WeakValueDictionary[int, keras.Variable] = weakref.WeakValueDictionary()

# Keras' `fit` calls `evaluate` for its validation data with this argument.
_INSIDE_FIT = "_use_cached_eval_dataset"


def handle_casts_of(cls: type) -> Callable[[Callable], Callable]:
    """Decorates the function that `tf.cast` calls for objects of this class; TensorFlow asks its own classes alone."""
    importlib.import_module("tensorflow.python.util.dispatch").register_dispatchable_type(cls)
    return tf.experimental.dispatch_for_api(tf.cast, {"x": cls})


def sublayers(layer: keras.layers.Layer, include_self: bool = True) -> list[keras.layers.Layer]:
    """All layers within a layer or model, at any depth."""
    return list(layer._flatten_layers(include_self=include_self))


def output_sizes(layers: list[keras.layers.Layer]) -> list[int]:
    """How many numbers each output of these layers holds for one example; those of unknown shape are left out."""
    nodes = [node for layer in layers for node in layer._inbound_nodes]
    shapes = [t.shape[1:] for node in nodes for t in node.output_tensors]
    return [math.prod(shape) for shape in shapes if None not in shape]


def positions(layer: keras.layers.Layer) -> int:
    """At how many places of one example a convolution's kernel is applied; 1 where no shape is known.

    For a transposed one these are the places of its smaller input.
    """
    nodes = [
        (t, u) for node in layer._inbound_nodes for t, u in zip(node.input_tensors, node.output_tensors, strict=False)
    ]
    places = [
        min(math.prod(t.shape[1:-1]), math.prod(u.shape[1:-1]))
        for t, u in nodes
        if None not in (*t.shape[1:], *u.shape[1:])
    ]
    return max([1, *places])


def is_validation_inside_fit(arguments: dict[str, Any]) -> bool:
    """Whether `evaluate` was called with these keyword arguments by `fit`, for its validation data."""
    return bool(arguments.get(_INSIDE_FIT, False))


def is_distributed(model: keras.Model) -> bool:
    """Whether the model was made under a distribution strategy; Keras' public property answers for the scope instead."""
    return model._distribute_strategy is not None


def loss_tracker(model: keras.Model) -> keras.metrics.Metric:
    """The metric `loss` of a compiled model, which a `train_step` of one's own must feed itself."""
    return model._loss_tracker


def seed_states(model: keras.Model) -> list[keras.Variable]:
    """The state of every seed generator in the model, Keras' own layers' included: `.keras` files leave it out."""
    return [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]


def sharing_variable(variable: tf.Variable) -> keras.Variable:
    """A Keras variable that shares its storage with a `tf.Variable`, so that Keras trains and saves that one."""
    if id(variable) not in _SHARING:  # one for each, or an optimizer would update the storage twice
        name = variable.name.split(":")[0].replace("/", "_")
        made = keras.Variable(variable, dtype=variable.dtype.name, trainable=variable.trainable, name=name)
        _SHARING[id(variable)] = made
        return made
    return _SHARING[id(variable)]
