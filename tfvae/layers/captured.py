"""Variables that a function holds on to, found so that Keras trains and saves them."""

import functools
import inspect

import keras
import tensorflow as tf

from tfvae.host.keras_door import sharing_variable

_LIBRARIES = ("tensorflow", "tensorflow_probability", "keras", "numpy", "builtins")


def captured_variables(function, arguments):
    """The `keras.Variable`s by which Keras trains and saves what a function reads, found by tracing it once.

    A `tf.Variable` gets one that shares its storage, and so does what a `tfp.util.TransformedVariable` or a distribution
    holds; a Keras variable, also one of a layer, is that variable itself.

    Args:
        function: callable that returns a distribution.
        arguments: tuple of what it is called with; its first call with other arguments may read no further variables.
    """
    held = list(_held_by(function, set()))
    own = {v.value.ref(): v for thing in held for v in _keras_variables(thing)}
    try:
        read = variables_read_by(function, arguments)
    except Exception:  # of a function that takes more than the layer knows of yet: all that it holds counts
        unbuilt = [thing for thing in held if isinstance(thing, keras.layers.Layer) and not thing.built]
        if unbuilt:
            raise ValueError(
                f"The function of a DistributionLambda holds the layer {unbuilt[0].name!r}, whose variables do not exist "
                "yet: build it first, or give it to a model of its own."
            ) from None
        read = [v.value for v in own.values()]
    read += [v for thing in held for v in keras.tree.flatten(thing) if isinstance(v, tf.Variable)]
    read += [v.value for v in held if isinstance(v, keras.Variable)]
    refs = {v.ref(): v for v in read}
    return [own[ref] if ref in own else sharing_variable(v) for ref, v in refs.items()]


def variables_read_by(function, arguments=()):
    """The `tf.Variable`s that a function which returns a distribution reads, and those that its distribution holds."""
    held = []

    def trace(*arguments):
        held.extend(getattr(function(*arguments), "variables", ()))

    with tf.init_scope():
        read = tf.function(trace, autograph=False).get_concrete_function(*arguments).variables
    return [*read, *held]


def _held_by(function, seen):
    """What a function refers to: in its closure, in its module, as a bound or partial argument, and so in turn."""
    if id(function) in seen or (getattr(function, "__module__", None) or "").split(".")[0] in _LIBRARIES:
        return
    seen.add(id(function))
    values = []
    if isinstance(function, functools.partial):
        values = [function.func, *function.args, *function.keywords.values()]
    elif inspect.ismethod(function):
        values = (
            [function.__func__, *vars(function.__self__).values()] if hasattr(function.__self__, "__dict__") else []
        )
    elif inspect.isfunction(function):
        try:
            found = inspect.getclosurevars(function)
        except ValueError:  # a cell that is still empty
            return
        values = [*found.nonlocals.values(), *found.globals.values()]
    for value in values:
        if inspect.isroutine(value) or isinstance(value, functools.partial):
            yield from _held_by(value, seen)
        elif not inspect.ismodule(value) and not inspect.isclass(value):
            yield value


def _keras_variables(thing):
    if isinstance(thing, keras.layers.Layer):
        return thing.variables
    return [v for v in keras.tree.flatten(thing) if isinstance(v, keras.Variable)]
