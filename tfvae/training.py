"""How `fit` runs: batches fused in one compiled loop.

A small model spends its time between the steps, not in them. `FastFit` keeps Keras' `fit` and its callbacks, hands it
super-batches of `steps_per_execution` batches and loops over them inside one compiled function.
"""

import math
import random

import keras
import numpy as np
import tensorflow as tf

from tfvae.batches import Batches, as_arrays, check_finite, num_rows, split
from tfvae.callbacks import KLWarmUp
from tfvae.fused import FusedFunction
from tfvae.layers.variational import VariationalLayer
from tfvae.saving import refuse_unnamed, register

__all__ = ["FastFit", "FastFitModel", "KLWarmUp"]

_ROWS_BYTES = 64 * 2**20  # a super-batch stays below this, so that large data streams
_FLOPS = 2e10  # about a second's work: the callbacks and the progress bar hear from a fit this often
_DATASET_STEPS = 50  # in one execution, of a data set, whose batches may be of any size
_XLA_PARAMETERS = 250_000  # above this, XLA buys nothing on a CPU and costs its compilation
_XLA_STEPS = 2_000  # below this, its compilation takes longer than it saves


class FastFit:
    """Mixin for `keras.Model`: `fit` and `evaluate` on arrays run fused; everything else runs as Keras runs it.

    Callbacks are called as with `steps_per_execution`, which `compile` chooses where it is left at "auto". The order of
    each epoch is a function of (`shuffle_seed`, epoch), so that a resumed training sees what an unbroken one sees.
    Data sets, generators, `run_eagerly`, distribution strategies and `steps_per_execution=1` take Keras' own path; a data
    set of known size with several steps in one execution, too, where `compile` left it at "auto".
    """

    _requested = {"steps_per_execution": "auto", "jit_compile": "auto"}
    _train_batches = _test_batches = None
    _validation_iterator = None
    _num_steps = 0  # in all epochs of the present fit
    _prepared = False
    _shuffle_seed = None

    @property
    def shuffle_seed(self):
        """The seed of the epochs' orders; drawn from Python's generator (`keras.utils.set_random_seed`) unless set."""
        if self._shuffle_seed is None:
            self._shuffle_seed = random.randrange(2**31)
        return self._shuffle_seed

    @shuffle_seed.setter
    def shuffle_seed(self, seed):
        self._shuffle_seed = int(seed)

    def compile(self, optimizer="rmsprop", loss=None, *, steps_per_execution="auto", jit_compile="auto", **kwargs):
        """As `keras.Model.compile`; "auto" lets `fit` choose the steps in one execution, and XLA for small models."""
        keras_steps = 1 if steps_per_execution == "auto" else steps_per_execution
        super().compile(optimizer, loss, steps_per_execution=keras_steps, jit_compile=jit_compile, **kwargs)
        self._requested = {"steps_per_execution": steps_per_execution, "jit_compile": jit_compile}
        self._compiled_with = [loss, kwargs.get("metrics"), kwargs.get("weighted_metrics")]
        self._forget_functions()
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)  # so that an untrained model can be saved and loaded

    def get_compile_config(self):
        if not self.compiled:
            return {}
        refuse_unnamed(self._compiled_with)
        return {**super().get_compile_config(), **self._requested}

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    ):
        """As `keras.Model.fit`; raises ValueError for arrays that the model cannot be trained on, before any step."""
        self.check_data(x, y, sample_weight)
        if isinstance(validation_data, (tuple, list)) or hasattr(validation_data, "__array__"):
            self.check_data(*keras.utils.unpack_x_y_sample_weight(validation_data), of="validation_data")
        common = {"epochs": epochs, "verbose": verbose, "callbacks": callbacks, "initial_epoch": initial_epoch}
        common["validation_freq"] = validation_freq
        data = as_arrays(x, y, sample_weight)
        if data is None or class_weight is not None or steps_per_epoch is not None or not self._can_fuse():
            return self._fit_as_keras(
                x,
                y,
                batch_size=batch_size,
                validation_split=validation_split,
                validation_data=validation_data,
                shuffle=shuffle and not isinstance(x, tf.data.Dataset),  # Keras would warn that it does not
                class_weight=class_weight,
                sample_weight=sample_weight,
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
                validation_batch_size=validation_batch_size,
                **common,
            )
        if validation_split and validation_data is None:
            data, validation_data = split(data, validation_split)
        batch_size = batch_size or 32
        self._prepare(data, batch_size)
        steps = self._choose_steps(data, batch_size)
        train = Batches(data, batch_size, steps)
        validation, held_out_batches = {}, None
        if validation_data is not None:
            held_out = as_arrays(*keras.utils.unpack_x_y_sample_weight(validation_data))
            if held_out is None or validation_steps is not None:
                validation = {"validation_data": validation_data, "validation_steps": validation_steps}
                validation["validation_batch_size"] = validation_batch_size
            else:
                held_out_batches = Batches(held_out, validation_batch_size or batch_size, steps)
                validation = {
                    "validation_data": held_out_batches.dataset(),
                    "validation_steps": held_out_batches.count,
                }
        dataset = train.dataset(self.shuffle_seed if shuffle else None, initial_epoch)
        with self._fusing(steps, epochs * train.count, train, held_out_batches):
            return super().fit(dataset, steps_per_epoch=train.count, shuffle=False, **validation, **common)

    def _fit_as_keras(self, x, *args, **kwargs):
        """Keras' own path; a finite data set runs several steps in one execution, as arrays do."""
        automatic = self._can_fuse() and self._requested["steps_per_execution"] == "auto"
        if not isinstance(x, tf.data.Dataset) or not automatic:
            return super().fit(x, *args, **kwargs)
        steps = int(np.clip(x.cardinality().numpy() // 2, 1, _DATASET_STEPS))
        names = ("train_function", "test_function")
        kept = self._fused_functions.get(("data set", steps), dict.fromkeys(names))
        with _Setting(self, steps_per_execution=steps, **kept):
            history = super().fit(x, *args, **kwargs)
            self._fused_functions["data set", steps] = {name: getattr(self, name) for name in names}
        return history

    def evaluate(
        self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, callbacks=None, **kwargs
    ):
        """As `keras.Model.evaluate`; raises ValueError as `fit` does."""
        inside_fit = kwargs.get("_use_cached_eval_dataset", False)
        if not inside_fit:
            self.check_data(x, y, sample_weight)
        if inside_fit and self._test_batches is not None:
            return self._validate(callbacks)
        kwargs |= {"verbose": verbose, "callbacks": callbacks}
        data = None if inside_fit else as_arrays(x, y, sample_weight)
        if data is None or steps is not None or not self._can_fuse():
            arguments = {"x": x, "y": y, "batch_size": batch_size, "sample_weight": sample_weight, "steps": steps}
            if inside_fit or self._train_batches is None:
                return super().evaluate(**arguments, **kwargs)
            with self._fusing(1, 0, None, None):  # a callback of a fused fit evaluates on something else
                return super().evaluate(**arguments, **kwargs)
        batch_size = batch_size or 32
        self._prepare(data, batch_size)
        steps = self._choose_steps(data, batch_size)
        batches = Batches(data, batch_size, steps)
        with self._fusing(steps, batches.count, None, batches):
            return super().evaluate(batches.dataset(), steps=batches.count, **kwargs)

    def make_train_function(self, force=False):
        if self._train_batches is None:
            super().make_train_function(force)
        else:
            self.train_function = self._fused("train", self.train_step, self._train_batches)

    def make_test_function(self, force=False):
        if self._test_batches is None:
            super().make_test_function(force)
        else:
            self.test_function = self._fused("test", self.test_step, self._test_batches)

    def _validate(self, callbacks):
        """One pass over the validation data inside `fit`, on an iterator that lives as long as the fit.

        Keras' own starts a new iterator at every call, which costs more than an epoch of a small data set.
        """
        self.make_test_function()
        self.stop_evaluating = False
        callbacks.on_test_begin()
        self.reset_metrics()
        steps = self.steps_per_execution
        for first in range(0, self._test_batches.count, steps):
            callbacks.on_test_batch_begin(first)
            logs = self.test_function(self._validation_iterator)
            callbacks.on_test_batch_end(first + steps - 1, logs)
            if self.stop_evaluating:
                self._validation_iterator = self._test_batches.cycle()
                break
        logs = {name: float(value) for name, value in logs.items()}
        callbacks.on_test_end(logs)
        return logs

    def reset_metrics(self):
        """As `keras.Model.reset_metrics`, in one compiled call where `fit` runs fused."""
        if not self._prepared:
            super().reset_metrics()
            return
        if "reset" not in self._fused_functions:
            reset = tf.function(super().reset_metrics, autograph=False)
            self._fused_functions["reset"] = reset.get_concrete_function()
        self._fused_functions["reset"]()

    # Checking.

    def likelihoods_of(self, x, y):
        """(the part of the data that is modelled, the layers that say by `check_data` what it may hold)."""
        return x, [layer for layer in self._flatten_layers() if isinstance(layer, VariationalLayer)]

    def check_data(self, x, y=None, sample_weight=None, of=None):
        """Raises ValueError where arrays are not finite, or hold what this model's likelihood is not for.

        Args:
            of: the argument that they came in, where it is not `x`, `y` and `sample_weight`.
        """
        target, layers = self.likelihoods_of(x, y)
        for name, data in (("x", x), ("y", y), ("sample_weight", sample_weight)):
            for array in (np.asarray(a) for a in keras.tree.flatten(data) if hasattr(a, "__array__")):
                check_finite(of or name, array)
                for layer in layers if data is target and array.size else ():
                    layer.check_data(of or name, array)

    # Choosing.

    def _can_fuse(self):
        return (
            self.compiled
            and not self.run_eagerly
            and self._requested["steps_per_execution"] != 1
            and self._distribute_strategy is None
            and not tf.distribute.has_strategy()
        )

    def _choose_steps(self, data, batch_size):
        """Batches in one execution: as many as make about a second's work and fit in `_ROWS_BYTES`."""
        requested = self._requested["steps_per_execution"]
        if requested != "auto":
            return requested
        n = num_rows(data)
        batches = math.ceil(n / min(batch_size, n))
        parameters = sum(math.prod(v.shape) for v in self.trainable_variables)
        by_work = _FLOPS / (6 * max(parameters, 1) * batch_size)
        by_memory = _ROWS_BYTES / (sum(a.nbytes for a in keras.tree.flatten(data)) / n * batch_size)
        most = max(1, int(min(by_work, by_memory)))
        return math.ceil(batches / math.ceil(batches / most))

    def _use_xla(self, num_steps):
        """Whether `num_steps` steps in all are worth a compilation."""
        if self._requested["jit_compile"] != "auto":
            return bool(self._requested["jit_compile"])
        if num_steps < _XLA_STEPS:
            return False
        small = sum(math.prod(v.shape) for v in self.trainable_variables) <= _XLA_PARAMETERS
        return small and all(getattr(layer, "supports_jit", True) for layer in self._flatten_layers())

    # Running.

    def _fusing(self, steps, num_steps, train, test):
        """The model set to fused training on `train` and validation on `test`, as it was before when the block ends."""
        return _Setting(
            self,
            steps_per_execution=steps,
            _num_steps=num_steps,
            _train_batches=train,
            _test_batches=test,
            _validation_iterator=None if test is None or train is None else test.cycle(),
            train_function=None,
            test_function=None,
        )

    def _forget_functions(self):
        self._fused_functions = {}
        self._prepared = False

    def _prepare(self, data, batch_size):
        """Creates all state before the compiled loop, which can create none, by one eager step on a few rows."""
        if self._prepared:
            return
        kept = [(v, v.numpy()) for v in self.non_trainable_variables]
        self.test_step(keras.tree.map_structure(lambda a: tf.convert_to_tensor(a[:batch_size]), data))
        self.optimizer.build(self.trainable_variables)
        for variable, value in kept:  # random seeds above all: the eager step leaves no trace
            variable.assign(value)
        self.reset_metrics()
        self._prepared = True

    def _fused(self, kind, step, batches):
        use_xla = self._use_xla(self._num_steps)
        key = (kind, batches.signature, use_xla)
        if key not in self._fused_functions:
            self._fused_functions[key] = FusedFunction(self, step, batches, use_xla)
        return self._fused_functions[key]


class FastFitModel(FastFit, keras.Model):
    """`keras.Model` with the fused `fit`, for functional models: `FastFitModel(inputs, outputs)`."""


register(FastFitModel)


class _Setting:
    """Sets attributes for the length of a `with` block."""

    def __init__(self, target, **values):
        self.target, self.values = target, values

    def __enter__(self):
        self.before = {k: getattr(self.target, k) for k in self.values}
        for k, v in self.values.items():
            setattr(self.target, k, v)

    def __exit__(self, *_):
        for k, v in self.before.items():
            setattr(self.target, k, v)
