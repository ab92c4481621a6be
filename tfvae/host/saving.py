"""One way to register, configure and revive every class, TFP's distributions included.

A config is data: numbers, strings, lists, dicts, and the tagged dicts below. Nothing in it is code, so a saved
model loads in Keras' safe mode, and a file from a stranger can only name classes of `tensorflow_probability`
and functions that the loading program itself has registered.
"""

import inspect

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

register = keras.saving.register_keras_serializable("tfvae")

_DEFERRED = tfp.util.DeferredTensor
_HOMES = {  # home -> (the module that a config may name classes of, what these must be)
    "distributions": (tfp.distributions, tfp.distributions.Distribution),
    "bijectors": (tfp.bijectors, tfp.bijectors.Bijector),
    "util": (tfp.util, _DEFERRED),
    "linalg": (tf.linalg, tf.linalg.LinearOperator),
}
_PARAMETERIZED = (tfp.distributions.Distribution, tfp.bijectors.Bijector, tf.linalg.LinearOperator)
_ARRAY, _VARIABLE, _TFP, _METHOD, _FUNCTION = "$array", "$variable", "$tfp", "$tfp_method", "$function"


class UnnamedFunction:
    """A function that a config cannot hold: it survives `clone_model`, and refuses to be saved."""

    def __init__(self, function):
        self.function = function

    def get_config(self):
        name = getattr(self.function, "__qualname__", repr(self.function))
        raise ValueError(
            f"The function {name!r} cannot be saved with the model, because tfvae stores no code: give it a name with "
            "`def` and decorate it with `@keras.saving.register_keras_serializable('mypackage')`."
        )


def to_config(value):
    """`value` as data: the inverse of `from_config`.

    Takes numbers, strings, arrays, tensors, variables, TFP distributions and bijectors (recursively), Keras objects,
    dtypes, and functions that are registered with Keras or are methods of a TFP distribution.
    """
    return _Writer().write(value)


def from_config(config):
    """The value that `to_config` wrote."""
    return _Reader().read(config)


class _Writer:
    def __init__(self):
        self.variables = {}  # one variable used twice in a distribution stays one

    def write(self, value):
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (list, tuple, tf.TensorShape)):
            return [self.write(v) for v in value]
        if isinstance(value, dict):
            return {k: self.write(v) for k, v in value.items()}
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, (tf.DType, np.dtype)):
            return tf.as_dtype(value).name
        if isinstance(value, (tf.Variable, keras.Variable)):
            return self.write_variable(value)
        if isinstance(value, _DEFERRED):
            return self.write_deferred(value)
        if isinstance(value, _PARAMETERIZED):
            return {_TFP: _class_path(type(value)), "parameters": self.write_parameters(value)}
        if isinstance(value, UnnamedFunction):
            return value
        if inspect.isroutine(value) and not hasattr(value, "get_config"):
            return _function_config(value)
        if isinstance(value, (np.ndarray, tf.Tensor)):
            return _array_config(value)
        try:
            return keras.saving.serialize_keras_object(value)
        except TypeError:
            raise ValueError(
                f"A {type(value).__name__} cannot be saved as data: wrap the distribution that holds it in a registered "
                "`tfvae.priors.Prior` or a registered function that returns it."
            ) from None

    def write_variable(self, variable):
        key = (variable.value if isinstance(variable, keras.Variable) else variable).ref()
        if key in self.variables:
            return {_VARIABLE: self.variables[key]}
        self.variables[key] = len(self.variables)
        return {
            _VARIABLE: self.variables[key],
            "value": _array_config(variable),
            "trainable": variable.trainable,
            "name": variable.name.split(":")[0],
            "keras": isinstance(variable, keras.Variable),
        }

    def write_deferred(self, deferred):
        bijector = getattr(deferred.transform_fn, "__self__", deferred.transform_fn)  # TFP keeps `bijector.forward`
        if not isinstance(bijector, tfp.bijectors.Bijector):
            return UnnamedFunction(deferred.transform_fn)
        return {
            _TFP: "util.DeferredTensor",
            "parameters": {
                "pretransformed_input": self.write(deferred.pretransformed_input),
                "transform_fn": self.write(bijector),
            },
        }

    def write_parameters(self, value):
        defaults = inspect.signature(type(value).__init__).parameters
        return {
            name: self.write(argument)
            for name, argument in value.parameters.items()
            if name in defaults and argument is not defaults[name].default
        }


class _Reader:
    def __init__(self):
        self.variables = {}

    def read(self, config):
        if isinstance(config, UnnamedFunction):
            return config.function
        if isinstance(config, list):
            return [self.read(v) for v in config]
        if not isinstance(config, dict):
            return config
        if _ARRAY in config:
            return np.array(config[_ARRAY], config["dtype"]).reshape(config["shape"])
        if _VARIABLE in config:
            return self.read_variable(config)
        if _TFP in config:
            parameters = {k: self.read(v) for k, v in config["parameters"].items()}
            return _tfp_class(config[_TFP])(**parameters)
        if _METHOD in config:
            owner, _, name = config[_METHOD].partition(".")
            return _plain_function(getattr(_tfp_class(f"distributions.{owner}"), name))
        if _FUNCTION in config:
            return _registered_function(config[_FUNCTION])
        if "class_name" in config and "config" in config:
            return keras.saving.deserialize_keras_object(config)
        return {k: self.read(v) for k, v in config.items()}

    def read_variable(self, config):
        key = config[_VARIABLE]
        if "value" in config:
            with tf.init_scope():
                make = keras.Variable if config["keras"] else tf.Variable
                value = self.read(config["value"])
                self.variables[key] = make(value, trainable=config["trainable"], name=config["name"])
        return self.variables[key]


def _array_config(value):
    array = np.asarray(value)
    return {_ARRAY: array.reshape(-1).tolist(), "dtype": array.dtype.name, "shape": list(array.shape)}


def _class_path(cls):
    for home, (module, _) in _HOMES.items():
        if getattr(module, cls.__name__, None) is cls:
            return f"{home}.{cls.__name__}"
    raise ValueError(
        f"{cls.__module__}.{cls.__name__} cannot be saved as data, because it is not one of tfp.distributions, "
        "tfp.bijectors or tf.linalg: wrap it in a registered `tfvae.priors.Prior` or a registered function that returns it."
    )


def _tfp_class(path):
    home, _, name = path.partition(".")
    module, base = _HOMES.get(home, (None, object))
    cls = getattr(module, name, None)
    if not inspect.isclass(cls) or not issubclass(cls, base) or name.startswith("_"):
        raise ValueError(
            f"The saved model names {path!r}, which is not a distribution, bijector or linear operator of TensorFlow."
        )
    return cls


def _plain_function(attribute):
    """The function behind a property, as `tfp.layers` accepts `tfd.Bernoulli.logits`."""
    return attribute.fget if isinstance(attribute, property) else attribute


def _function_config(function):
    owner, _, name = getattr(function, "__qualname__", "").partition(".")
    cls = getattr(tfp.distributions, owner, None)
    if cls is not None and _plain_function(getattr(cls, name, None)) is function:
        return {_METHOD: f"{owner}.{name}"}
    registered = keras.saving.get_registered_name(function)
    if registered != getattr(function, "__name__", None):
        return {_FUNCTION: registered}
    return UnnamedFunction(function)


def refuse_unnamed(functions):
    """Raises ValueError for a function in a nested structure that could only be saved as code."""
    for function in keras.tree.flatten(functions):
        if inspect.isfunction(function) and not function.__module__.startswith("keras."):
            config = _function_config(function)
            if isinstance(config, UnnamedFunction):
                config.get_config()


def _registered_function(name):
    function = keras.saving.get_registered_object(name)
    if function is None:
        raise ValueError(
            f"The saved model uses the function {name!r}, which is not registered: import the module that defines it "
            "before loading."
        )
    return function
