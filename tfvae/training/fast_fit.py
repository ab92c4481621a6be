"""How `fit` runs: batches fused in one compiled loop.

A small model spends its time between the steps, not in them. `FastFit` keeps Keras' `fit` and its callbacks, hands it
super-batches of `steps_per_execution` batches and loops over them inside one compiled function.
"""

import contextlib
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.host import keras_door
from tfvae.host.saving import refuse_unnamed, register
from tfvae.training.batches import Batches, as_arrays, check_finite, split
from tfvae.training.choices import dataset_steps, is_worth_xla, layers_to_build, refuse_loss, steps_in_one_execution
from tfvae.training.first_batches import first_batches_checked
from tfvae.training.fused import Compilation, FusedFunction, FusedRun, build_once


class FastFit:
    """Mixin for `keras.Model`: `fit` and `evaluate` on arrays run fused; everything else runs as Keras runs it.

    Callbacks are called as with `steps_per_execution`, which `compile` chooses where it is left at "auto". The order of
    each epoch is a function of (`shuffle_seed`, epoch), so that a resumed training sees what an unbroken one sees.
    Data sets, generators, `run_eagerly`, distribution strategies and `steps_per_execution=1` take Keras' own path; a data
    set of known size with several steps in one execution, too, where `compile` left it at "auto".

    A model with a `train_step` of its own, with several optimizers too, runs in the same loop: it creates its state in
    `build_optimizers`.
    """

    _compilation = Compilation()
    _run: FusedRun | None = None  # the present fit or evaluation, where it is fused
    _shuffle_seed: int | None = None
    takes_missing = False  # NaN in the data is a value that is not there
    # Of the `keras.Model` that this is mixed into.
    built: bool
    compiled: bool
    optimizer: Any
    trainable_variables: list
    train_step: Callable
    test_step: Callable

    @property
    def shuffle_seed(self) -> int:
        """The seed of the epochs' orders; drawn from Python's generator (`keras.utils.set_random_seed`) unless set."""
        if self._shuffle_seed is None:
            self._shuffle_seed = random.randrange(2**31)
        return self._shuffle_seed

    @shuffle_seed.setter
    def shuffle_seed(self, seed: int) -> None:
        self._shuffle_seed = int(seed)

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        *,
        steps_per_execution: Any = "auto",
        jit_compile: Any = "auto",
        **kwargs: Any,
    ) -> None:
        """As `keras.Model.compile`; "auto" lets `fit` choose the steps in one execution, and XLA for small models."""
        refuse_loss(self, loss)
        keras_steps = 1 if steps_per_execution == "auto" else steps_per_execution
        super().compile(optimizer, loss, steps_per_execution=keras_steps, jit_compile=jit_compile, **kwargs)
        of_user = (loss, kwargs.get("metrics"), kwargs.get("weighted_metrics"))
        self._compilation = Compilation(steps_per_execution, jit_compile, of_user)
        if self.built and self.optimizer is not None:
            self.build_optimizers()  # so that an untrained model can be saved and loaded

    def build_optimizers(self) -> None:
        """Creates the optimizers' state, which a compiled loop cannot; a model of several optimizers builds each."""
        build_once(self.optimizer, self.trainable_variables)

    def get_compile_config(self) -> dict:
        if not self.compiled:
            return {}
        refuse_unnamed(self._compilation.functions_of_user)
        asked = {"steps_per_execution": self._compilation.steps, "jit_compile": self._compilation.jit}
        return {**super().get_compile_config(), **asked}

    def compile_from_config(self, config: dict) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: Any = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: Any = None,
        validation_steps: Any = None,
        validation_batch_size: Any = None,
        validation_freq: int = 1,
    ) -> keras.callbacks.History:
        """As `keras.Model.fit`; raises ValueError for arrays that the model cannot be trained on, before any step."""
        y = self.target_of(x, y, sample_weight)
        self.check_data(x, y, sample_weight)
        if isinstance(validation_data, (tuple, list)) or hasattr(validation_data, "__array__"):
            held_x, held_y, held_weight = keras.utils.unpack_x_y_sample_weight(validation_data)
            held_y = self.target_of(held_x, held_y, held_weight)
            self.check_data(held_x, held_y, held_weight, of="validation_data")
            if held_weight is not None:
                validation_data = (held_x, held_y, held_weight)
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
                shuffle=shuffle and not isinstance(x, (tf.data.Dataset, Iterator)),  # Keras would warn that it does not
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
        steps = steps_in_one_execution(self, self._compilation.steps, data, batch_size)
        train = Batches(data, batch_size, steps)
        validation, held_out_batches = {}, None
        if validation_data is not None:
            held_out = as_arrays(*keras.utils.unpack_x_y_sample_weight(validation_data))
            if held_out is None or validation_steps is not None:
                validation = {"validation_data": validation_data, "validation_steps": validation_steps}
                validation["validation_batch_size"] = validation_batch_size
            else:
                held_out_batches = Batches(held_out, validation_batch_size or batch_size, steps)
                validation = {"validation_data": held_out_batches.dataset()}
                validation["validation_steps"] = held_out_batches.count
        if verbose and not self._compilation.traced and (count := layers_to_build(self)):
            sys.stderr.write(f"Building the graph of {count} layers, which takes some seconds, once.\n")
        dataset = train.dataset(self.shuffle_seed if shuffle else None, initial_epoch)
        with self._running(FusedRun(steps, epochs * train.count, train, held_out_batches)):
            return super().fit(dataset, steps_per_epoch=train.count, shuffle=False, **validation, **common)

    def _fit_as_keras(self, x, *args, **kwargs):
        """Keras' own path; a finite data set runs several steps in one execution, as arrays do."""
        automatic = self._can_fuse() and self._compilation.steps == "auto"
        with first_batches_checked(x, lambda x, y, w: self.check_data(x, self.target_of(x, y, w), w)) as data:
            if not isinstance(x, tf.data.Dataset) or not automatic:
                return super().fit(data, *args, **kwargs)
            steps = dataset_steps(x)
            with self._set(steps, *self._compilation.traced.get(("data set", steps), (None, None))):
                history = super().fit(data, *args, **kwargs)
                self._compilation.traced["data set", steps] = (self.train_function, self.test_function)
            return history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: Any = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: Any = None,
        callbacks: Any = None,
        **kwargs: Any,
    ) -> Any:
        """As `keras.Model.evaluate`; raises ValueError as `fit` does."""
        inside_fit = keras_door.is_validation_inside_fit(kwargs)
        if not inside_fit:
            y = self.target_of(x, y, sample_weight)
            self.check_data(x, y, sample_weight)
        if inside_fit and self._run is not None and self._run.test is not None:
            return self._validate(callbacks)
        kwargs |= {"verbose": verbose, "callbacks": callbacks}
        data = None if inside_fit else as_arrays(x, y, sample_weight)
        if data is None or steps is not None or not self._can_fuse():
            arguments = {"x": x, "y": y, "batch_size": batch_size, "sample_weight": sample_weight, "steps": steps}
            if inside_fit or self._run is None:
                return super().evaluate(**arguments, **kwargs)
            with self._running(None):  # a callback of a fused fit evaluates on something else
                return super().evaluate(**arguments, **kwargs)
        batch_size = batch_size or 32
        self._prepare(data, batch_size)
        steps = steps_in_one_execution(self, self._compilation.steps, data, batch_size)
        batches = Batches(data, batch_size, steps)
        with self._running(FusedRun(steps, batches.count, test=batches)):
            return super().evaluate(batches.dataset(), steps=batches.count, **kwargs)

    def make_train_function(self, force: bool = False) -> None:
        if self._run is None or self._run.train is None:
            super().make_train_function(force)
        else:
            self.train_function = self._fused("train", self.train_step, self._run.train)

    def make_test_function(self, force: bool = False) -> None:
        if self._run is None or self._run.test is None:
            super().make_test_function(force)
        else:
            self.test_function = self._fused("test", self.test_step, self._run.test)

    def forget_traced(self) -> None:
        """The next step traces anew, also in the middle of a fit: for a change of the Python state that it reads."""
        self._compilation.forget()
        self._trace_anew()

    def _trace_anew(self):
        """Keras' own functions; the fused ones do so themselves."""
        for key in [key for key, functions in self._compilation.traced.items() if isinstance(functions, tuple)]:
            del self._compilation.traced[key]
        for name, make in (
            ("train_function", super().make_train_function),
            ("test_function", super().make_test_function),
        ):
            if getattr(self, name, None) is not None and not isinstance(getattr(self, name), FusedFunction):
                make(force=True)

    def _validate(self, callbacks):
        """One pass over the validation data inside `fit`, on an iterator that lives as long as the fit.

        Keras' own starts a new iterator at every call, which costs more than an epoch of a small data set.
        """
        run = self._run
        self.make_test_function()
        self.stop_evaluating = False
        callbacks.on_test_begin()
        self.reset_metrics()
        for first in range(0, run.test.count, run.steps):
            callbacks.on_test_batch_begin(first)
            logs = self.test_function(run.validation_iterator)
            callbacks.on_test_batch_end(first + run.steps - 1, logs)
            if self.stop_evaluating:
                run.validation_iterator = run.test.cycle()
                break
        logs = {name: float(value) for name, value in logs.items()}
        callbacks.on_test_end(logs)
        return logs

    def reset_metrics(self) -> None:
        """As `keras.Model.reset_metrics`, in one compiled call where `fit` runs fused."""
        if not self._compilation.prepared:
            super().reset_metrics()
            return
        traced = self._compilation.traced
        if "reset" not in traced:
            reset = tf.function(super().reset_metrics, autograph=False)
            traced["reset"] = reset.get_concrete_function()
        traced["reset"]()

    # Checking.

    def target_of(self, x: Any, y: Any, sample_weight: Any) -> Any:
        """y, or what stands in for it: Keras drops the weights of data without a y."""
        del x, sample_weight
        return y

    def checks_of(self, x: Any, y: Any) -> tuple[Any, list]:
        """(the part of the data that is modelled, functions that check it): the `check_data` of any layer that has one."""
        return x, [layer.check_data for layer in keras_door.sublayers(self) if hasattr(layer, "check_data")]

    def check_data(self, x: Any, y: Any = None, sample_weight: Any = None, of: str | None = None) -> None:
        """Raises ValueError where arrays, called `of` if it is given, are not finite or not what the likelihood is for."""
        target, checks = self.checks_of(x, y)
        for name, data in (("x", x), ("y", y), ("sample_weight", sample_weight)):
            for array in (np.asarray(a) for a in keras.tree.flatten(data) if hasattr(a, "__array__")):
                check_finite(of or name, array, self.takes_missing and data is target)
                for check in checks if data is target and array.size else ():
                    check(of or name, array)

    # Choosing.

    def _can_fuse(self):
        return (
            self.compiled
            and not self.run_eagerly
            and self._compilation.steps != 1
            and not keras_door.is_distributed(self)
            and not tf.distribute.has_strategy()
        )

    def use_xla(self, num_steps):
        """Whether `num_steps` steps in all are compiled by XLA."""
        jit = self._compilation.jit
        return is_worth_xla(self, num_steps) if jit == "auto" else bool(jit)

    # Running.

    @contextlib.contextmanager
    def _running(self, run):
        """The model set to a `FusedRun`, or to Keras' own path within one; as it was before when the block ends."""
        before, self._run = self._run, run
        try:
            with self._set(1 if run is None else run.steps):
                yield
        finally:
            self._run = before

    @contextlib.contextmanager
    def _set(self, steps, train_function=None, test_function=None):
        before = self.steps_per_execution, self.train_function, self.test_function
        forgotten = self._compilation.times_forgotten
        self.steps_per_execution, self.train_function, self.test_function = steps, train_function, test_function
        try:
            yield
        finally:
            self.steps_per_execution, self.train_function, self.test_function = before
            if self._compilation.times_forgotten != forgotten:  # while these were set aside
                self._trace_anew()

    def _prepare(self, data, batch_size):
        """Creates all state before the compiled loop, which can create none, by one eager step on a few rows."""
        if self._compilation.prepared:
            return
        kept = [(v, v.numpy()) for v in self.non_trainable_variables]
        self.test_step(keras.tree.map_structure(lambda a: tf.convert_to_tensor(a[:batch_size]), data))
        self.build_optimizers()
        for variable, value in kept:  # random seeds above all: the eager step leaves no trace
            variable.assign(value)
        self.reset_metrics()
        self._compilation.prepared = True

    def _fused(self, kind, step, batches):
        use_xla = self.use_xla(self._run.num_steps)
        key, traced = (kind, batches.signature, use_xla), self._compilation.traced
        if key not in traced:
            traced[key] = FusedFunction(self, step, batches, use_xla, must=self._compilation.jit is True)
        return traced[key]


@register
class FastFitModel(FastFit, keras.Model):
    """`keras.Model` with the fused `fit`, for functional models: `FastFitModel(inputs, outputs)`."""
