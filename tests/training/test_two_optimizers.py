"""A model with a `train_step` and a second optimizer of its own runs in the fused loop as it runs step by step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.training import FastFit


class Adversaries(FastFit, keras.Model):
    """A generator that minimizes a loss which a critic maximizes, each with its optimizer."""

    def __init__(self):
        super().__init__()
        keras.utils.set_random_seed(0)
        self.generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        self.critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        self.critic_optimizer = keras.optimizers.Adam(0.01)
        self.gap = keras.metrics.Mean(name="gap")
        self.built = True

    def build_optimizers(self):
        self.optimizer.build(self.generator.trainable_variables)
        self.critic_optimizer.build(self.critic.trainable_variables)

    def call(self, x, training=None):
        return self.generator(x)

    def _loss(self, x, y):
        fake = self.critic(self.generator(x))
        return tf.reduce_mean(tf.square(fake - self.critic(y)))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape(persistent=True) as tape:
            loss = self._loss(x, y)
            negative = -loss
        ours, theirs = self.generator.trainable_variables, self.critic.trainable_variables
        self.optimizer.apply(tape.gradient(loss, ours), ours)
        self.critic_optimizer.apply(tape.gradient(negative, theirs), theirs)
        self.gap.update_state(loss)
        return self.get_metrics_result()

    def test_step(self, data):
        self.gap.update_state(self._loss(*data))
        return self.get_metrics_result()


def trained(steps, jit_compile):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(45, 3)).astype("float32"), rng.normal(size=(45, 2)).astype("float32")
    model = Adversaries()
    model.compile(keras.optimizers.Adam(0.01), steps_per_execution=steps, jit_compile=jit_compile)
    history = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0, validation_data=(x, y)).history
    return model, history


@pytest.mark.parametrize("jit_compile", [True, False])
def test_fused_equals_step_by_step(jit_compile):
    fused, history = trained("auto", jit_compile)
    plain, expected = trained(1, jit_compile)
    assert fused.critic_optimizer.iterations == fused.optimizer.iterations == 18
    for name in ("gap", "val_gap"):
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-4)
    for a, b in zip(fused.trainable_variables, plain.trainable_variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
