"""Batches run in one compiled loop, and what lives as long as a compilation or as a fit."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from tfvae.host.compiled import Compiled
from tfvae.training.batches import Batches


@dataclasses.dataclass
class Compilation:
    """What `compile` was asked for, and what has been traced since."""

    steps: Any = "auto"  # steps in one execution
    jit: Any = "auto"
    functions_of_user: tuple = ()  # loss and metrics
    traced: dict = dataclasses.field(default_factory=dict)
    prepared: bool = False  # whether all state has been created
    times_forgotten: int = 0

    def forget(self):
        """The next step traces anew: for a model whose Python state has changed."""
        self.times_forgotten += 1
        for function in self.traced.values():
            if isinstance(function, FusedFunction):
                function.run.forget()


@dataclasses.dataclass
class FusedRun:
    """One `fit` or `evaluate` on arrays: what is trained on, what is validated on, and in how many steps at a time."""

    steps: int  # in one execution
    num_steps: int  # in all
    train: Batches | None = None
    test: Batches | None = None
    validation_iterator: Iterator | None = None

    def __post_init__(self):
        if self.train is not None and self.test is not None:
            self.validation_iterator = self.test.cycle()


class FusedFunction:
    """Runs a Keras step over the batches of one super-batch, in one compiled loop; returns the metrics after it."""

    def __init__(self, model, step, batches, use_xla, must):
        self.batch_size, self.has_rest = batches.batch_size, batches.rest > 0
        self.model, self.step = model, step
        self.run = Compiled(self._run, use_xla, must)

    def __call__(self, iterator):
        return self.run(*next(iterator))

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


def build_once(optimizer, variables):
    """Creates an optimizer's state, unless it has one: one that scales its loss would make a second."""
    if not optimizer.built:
        optimizer.build(variables)
