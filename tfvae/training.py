"""How `fit` runs: batches fused in one compiled loop, and the KL warm-up.

A small model spends its time between the steps, not in them. `FastFit` keeps Keras' `fit` and its callbacks, hands it
super-batches of `steps_per_execution` batches and loops over them inside one compiled function.
"""

import dataclasses
import itertools
import math
import random
import warnings

import keras
import numpy as np
import tensorflow as tf

from tfvae.saving import register

_ROWS_BYTES = 64 * 2**20  # a super-batch stays below this, so that large data streams
_FLOPS = 2e10  # about a second's work: the callbacks and the progress bar hear from a fit this often
_XLA_PARAMETERS = 250_000  # above this, XLA buys nothing on a CPU and costs its compilation


class FastFit:
    """Mixin for `keras.Model`: `fit` and `evaluate` on arrays run fused; everything else runs as Keras runs it.

    Callbacks are called as with `steps_per_execution`, which `compile` chooses where it is left at "auto". The order of
    each epoch is a function of (`shuffle_seed`, epoch), so that a resumed training sees what an unbroken one sees.
    Data sets, generators, `run_eagerly`, distribution strategies and `steps_per_execution=1` take Keras' own path.
    """

    _requested = {"steps_per_execution": "auto", "jit_compile": "auto"}
    _train_batches = _test_batches = None
    _validation_iterator = None
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
        self._forget_functions()
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)  # so that an untrained model can be saved and loaded

    def get_compile_config(self):
        return {**super().get_compile_config(), **self._requested} if self.compiled else {}

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
        """As `keras.Model.fit`."""
        common = {"epochs": epochs, "verbose": verbose, "callbacks": callbacks, "initial_epoch": initial_epoch}
        common["validation_freq"] = validation_freq
        data = _arrays(x, y, sample_weight)
        if data is None or class_weight is not None or steps_per_epoch is not None or not self._can_fuse():
            self._leave_fused()
            return super().fit(
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
            data, validation_data = _split(data, validation_split)
        batch_size = batch_size or 32
        self._prepare(data, batch_size)
        steps = self._choose_steps(data, batch_size)
        train = Batches(data, batch_size, steps)
        self._train_batches, self._test_batches = train, None
        validation = {}
        if validation_data is not None:
            held_out = _arrays(*keras.utils.unpack_x_y_sample_weight(validation_data))
            if held_out is None or validation_steps is not None:
                validation = {"validation_data": validation_data, "validation_steps": validation_steps}
                validation["validation_batch_size"] = validation_batch_size
            else:
                self._test_batches = Batches(held_out, validation_batch_size or batch_size, steps)
                dataset = self._test_batches.dataset()
                self._validation_iterator = itertools.cycle(dataset.take(self._test_batches.executions))
                validation = {"validation_data": dataset, "validation_steps": self._test_batches.count}
        order = self.shuffle_seed if shuffle else None
        with self._execution(steps):
            dataset = train.dataset(order, initial_epoch)
            return super().fit(dataset, steps_per_epoch=train.count, shuffle=False, **validation, **common)

    def evaluate(self, x=None, y=None, batch_size=None, sample_weight=None, steps=None, **kwargs):
        """As `keras.Model.evaluate`."""
        inside_fit = kwargs.get("_use_cached_eval_dataset", False)
        if inside_fit and self._test_batches is not None:
            return self._validate(kwargs["callbacks"])
        data = None if inside_fit else _arrays(x, y, sample_weight)
        if data is None or steps is not None or not self._can_fuse():
            self._test_batches = self.test_function = None
            return super().evaluate(x, y, batch_size, sample_weight=sample_weight, steps=steps, **kwargs)
        batch_size = batch_size or 32
        self._prepare(data, batch_size)
        steps = self._choose_steps(data, batch_size)
        self._test_batches = Batches(data, batch_size, steps)
        self.test_function = None
        with self._execution(steps):
            return super().evaluate(self._test_batches.dataset(), steps=self._test_batches.count, **kwargs)

    def make_train_function(self, force=False):
        if self._train_batches is None:
            return super().make_train_function(force)
        self.train_function = self._fused("train", self.train_step, self._train_batches)

    def make_test_function(self, force=False):
        if self._test_batches is None:
            return super().make_test_function(force)
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
                break
        logs = {name: float(value) for name, value in logs.items()}
        callbacks.on_test_end(logs)
        return logs

    def reset_metrics(self):
        """As `keras.Model.reset_metrics`, in one compiled call where `fit` runs fused."""
        if not self._prepared:
            return super().reset_metrics()
        if "reset" not in self._fused_functions:
            reset = tf.function(super().reset_metrics, autograph=False)
            self._fused_functions["reset"] = reset.get_concrete_function()
        self._fused_functions["reset"]()

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
        n = _num_rows(data)
        batches = math.ceil(n / min(batch_size, n))
        parameters = sum(math.prod(v.shape) for v in self.trainable_variables)
        by_work = _FLOPS / (6 * max(parameters, 1) * batch_size)
        by_memory = _ROWS_BYTES / (sum(a.nbytes for a in keras.tree.flatten(data)) / n * batch_size)
        most = max(1, int(min(by_work, by_memory)))
        return math.ceil(batches / math.ceil(batches / most))

    def _use_xla(self):
        if self._requested["jit_compile"] != "auto":
            return bool(self._requested["jit_compile"])
        small = sum(math.prod(v.shape) for v in self.trainable_variables) <= _XLA_PARAMETERS
        return small and all(getattr(layer, "supports_jit", True) for layer in self._flatten_layers())

    # Running.

    def _execution(self, steps):
        return _Setting(self, steps_per_execution=steps)

    def _leave_fused(self):
        self._train_batches = self._test_batches = None
        self.train_function = self.test_function = None

    def _forget_functions(self):
        self._leave_fused()
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
        key = (kind, batches.signature)
        if key not in self._fused_functions:
            self._fused_functions[key] = _FusedFunction(self, step, batches, self._use_xla())
        return self._fused_functions[key]


class FastFitModel(FastFit, keras.Model):
    """`keras.Model` with the fused `fit`, for functional models: `FastFitModel(inputs, outputs)`."""


register(FastFitModel)


@dataclasses.dataclass
class Batches:
    """Arrays as an endless data set of super-batches: `steps` batches of `batch_size` rows, and the rows left over.

    Every super-batch has the same static shapes, so that one compiled function serves the whole fit: the last one of an
    epoch is padded, and `num_batches` says how many of its batches count.
    """

    data: tuple
    batch_size: int
    steps: int

    def __post_init__(self):
        n = _num_rows(self.data)
        self.batch_size = min(self.batch_size, n)
        self.full = n // self.batch_size
        self.rest = n % self.batch_size
        self.count = self.full + (self.rest > 0)
        self.executions = math.ceil(self.count / self.steps)
        self.width = min(self.steps, self.full)  # batches in one (padded) super-batch

    @property
    def signature(self):
        specs = keras.tree.map_structure(lambda a: (a.shape[1:], str(a.dtype)), self.data)
        return (self.batch_size, self.width, self.rest, repr(specs))

    def dataset(self, seed=None, initial_epoch=0):
        """The super-batches of epoch `initial_epoch`, the next, and so on; shuffled where there is a `seed`."""
        n = self.full * self.batch_size + self.rest
        data = keras.tree.map_structure(tf.convert_to_tensor, self.data)
        # The k-th execution covers batches k·steps … (k+1)·steps − 1 of the epoch.
        first = np.arange(self.executions) * self.steps
        num_batches = np.clip(self.full - first, 0, self.steps).astype("int32")
        last = np.arange(self.executions) == self.executions - 1

        def rows(indices):
            return keras.tree.map_structure(lambda a: tf.gather(a, indices), data)

        def epoch(number):
            order = tf.range(n)
            if seed is not None:
                order = tf.random.experimental.stateless_shuffle(order, seed=tf.stack([tf.cast(seed, tf.int64), number]))
            rest = rows(order[n - self.rest :])

            def super_batch(start, batches, is_last):
                indices = order[start : start + batches * self.batch_size]
                width = self.width * self.batch_size
                indices = tf.ensure_shape(tf.pad(indices, [[0, width - tf.shape(indices)[0]]]), [width])
                return rows(indices), batches, rest, is_last

            starts = (first * self.batch_size).astype("int32")
            return tf.data.Dataset.from_tensor_slices((starts, num_batches, last)).map(super_batch)

        return tf.data.Dataset.counter(tf.constant(initial_epoch, tf.int64)).flat_map(epoch).prefetch(1)


class _FusedFunction:
    """Runs a Keras step over the batches of one super-batch, in one compiled loop; returns the metrics after it."""

    def __init__(self, model, step, batches, use_xla):
        self.batch_size, self.has_rest, self.use_xla = batches.batch_size, batches.rest > 0, use_xla
        self.model, self.step = model, step
        self.run = None

    def _traced(self, super_batch):
        specs = keras.tree.map_structure(tf.TensorSpec.from_tensor, super_batch)
        return tf.function(self._run, jit_compile=self.use_xla, autograph=False).get_concrete_function(*specs)

    def __call__(self, iterator):
        super_batch = next(iterator)
        try:
            self.run = self.run or self._traced(super_batch)
            return self.run(*super_batch)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            explicit = self.model._requested["jit_compile"] is True
            if not self.use_xla or explicit or "ompil" not in str(error):
                raise
            warnings.warn(
                "XLA cannot compile this model, so it trains without: compile it with jit_compile=False to say so.",
                stacklevel=2,
            )
            self.use_xla = False
            self.run = self._traced(super_batch)
            return self.run(*super_batch)

    def _run(self, rows, num_batches, rest, is_last):
        def batch(i):
            # A static size: bounds that depend on i would make XLA work on the whole array in every step.
            def cut(a):
                begin = tf.concat([[i * self.batch_size], tf.zeros([a.shape.rank - 1], tf.int32)], axis=0)
                return tf.slice(a, begin, [self.batch_size, *a.shape[1:]])

            return keras.tree.map_structure(cut, rows)

        def body(i):
            self.step(batch(i))
            return (i + 1,)

        tf.while_loop(lambda i: i < num_batches, body, (tf.constant(0),), parallel_iterations=1)
        if self.has_rest:
            tf.cond(is_last, lambda: self._one(rest), lambda: tf.constant(0))
        return self.model.get_metrics_result()

    def _one(self, batch):
        self.step(batch)
        return tf.constant(0)


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


def _arrays(x, y, sample_weight):
    """(x, y, sample_weight) as a tuple of numpy arrays for a Keras step, or None where they are not all arrays."""
    leaves = keras.tree.flatten((x, y, sample_weight))
    leaves = [a for a in leaves if a is not None]
    if not leaves or not all(hasattr(a, "__array__") for a in leaves):
        return None
    data = keras.tree.map_structure(_array, keras.utils.pack_x_y_sample_weight(x, y, sample_weight))
    data = data if isinstance(data, tuple) else (data,)
    arrays = [a for a in keras.tree.flatten(data) if a is not None]
    rows = {len(a) if a.ndim else None for a in arrays}
    if len(rows) != 1 or None in rows or any(a.dtype.kind not in "fiub" for a in arrays):
        return None  # Keras says what is wrong with them
    if rows == {0}:
        raise ValueError("There is no data to work on: x has no rows.")
    return data


def _array(a):
    a = np.asarray(a)
    return a.astype(keras.config.floatx()) if a.dtype.kind == "f" else a


def _num_rows(data):
    return len(keras.tree.flatten(data)[0])


def _split(data, fraction):
    """The first rows to train on and the last `fraction` to validate on, as Keras splits them."""
    if not 0 < fraction < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, but got {fraction}.")
    n = _num_rows(data)
    at = math.floor(n * (1 - fraction))
    if at in (0, n):
        raise ValueError(f"{n} rows cannot be split for validation_split={fraction}: one side would be empty.")
    return tuple(keras.tree.map_structure(lambda a, s=s: a[s], data) for s in (slice(0, at), slice(at, n)))


class KLWarmUp(keras.callbacks.Callback):
    """Raises the KL weight linearly from 0 to the objective's β over the first epochs or steps of a `VAE`'s training.

    The weight is exact in every optimizer step. Each epoch's log shows the `beta` it ended with; `val_` figures always use
    β = 1. Early stopping given to the same `fit` waits for the end of the warm-up.

    Args:
        epochs: number of epochs, not necessarily whole; or
        steps: number of optimizer steps.

    Source: Bowman et al., "Generating sentences from a continuous space" (2016); Sønderby et al., "Ladder variational
    autoencoders" (2016).
    """

    def __init__(self, epochs=None, steps=None):
        super().__init__()
        if (epochs is None) == (steps is None) or (epochs or steps) <= 0:
            raise ValueError(f"KLWarmUp needs either epochs > 0 or steps > 0, but got {epochs=} and {steps=}.")
        self.epochs, self.steps = epochs, steps
        self.waiting = []  # the EarlyStopping callbacks of the same fit, which VAE.fit lists here

    def on_train_begin(self, logs=None):
        per_epoch = self.params.get("steps")
        if self.epochs is not None and per_epoch is None:
            raise ValueError("KLWarmUp(epochs=…) cannot count the steps of this data set: give it steps=… instead.")
        self.num_steps = self.steps or max(1, round(self.epochs * per_epoch))
        if per_epoch is None:
            return
        total = per_epoch * self.params["epochs"]
        if self.num_steps > total:
            warnings.warn(
                f"The KL warm-up takes {self.num_steps} steps but the training has {total}: it ends before β is reached.",
                stacklevel=2,
            )
        for stopping in self.waiting:
            stopping.start_from_epoch = max(stopping.start_from_epoch, math.ceil(self.num_steps / per_epoch))

    def on_epoch_begin(self, epoch, logs=None):
        objective = self.model.objective
        if epoch == 0:  # a training that goes on keeps the start that was saved with the model
            objective.warm_up_start.assign(tf.cast(self.model.optimizer.iterations, tf.int64))
        objective.warm_up_steps.assign(self.num_steps)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            share = self.model.objective.warm_up(self.model.optimizer.iterations)
            logs["beta"] = float(share) * self.model.objective.beta
