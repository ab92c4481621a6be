"""The fused fit: equal to Keras' plain path, whatever n, batch size, layers and data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import layers
from tfvae.training import FastFitModel
from tfvae.training.batches import Batches
from tfvae.training.choices import is_worth_xla, steps_in_one_execution


def plain_net():
    """A network without randomness, compiled with an ordinary loss."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((3,))
    outputs = keras.layers.Dense(2)(keras.layers.Dense(8, "tanh")(inputs))
    return FastFitModel(inputs, outputs)


def batch_norm_net():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((3,))
    hidden = keras.layers.BatchNormalization(momentum=0.5)(keras.layers.Dense(8, "tanh")(inputs))
    return FastFitModel(inputs, keras.layers.Dense(2)(hidden))


def random_net():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dropout(0.5, seed=3)(keras.layers.Dense(8, "tanh")(inputs))
    rv = layers.IndependentNormal(2, seed=4)(keras.layers.Dense(4)(hidden))
    return FastFitModel(inputs, keras.layers.Dense(2)(rv))


def data(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)).astype("float32"), rng.normal(size=(n, 2)).astype("float32")


def fitted(make, n, *, jit_compile, steps, batch_size=8, **kwargs):
    model = make()
    model.compile(
        keras.optimizers.Adam(0.01), "mse", metrics=["mae"], jit_compile=jit_compile, steps_per_execution=steps
    )
    x, y = data(n)
    history = model.fit(x, y, batch_size=batch_size, epochs=3, shuffle=False, verbose=0, **kwargs).history
    return model, history


def assert_same(a, b):
    (model_a, history_a), (model_b, history_b) = a, b
    for name in history_a:
        np.testing.assert_allclose(history_a[name], history_b[name], rtol=2e-4, err_msg=name)
    for u, v in zip(model_a.variables, model_b.variables, strict=True):
        np.testing.assert_allclose(u.numpy(), v.numpy(), rtol=2e-4, atol=1e-5, err_msg=u.path)


@pytest.mark.parametrize("n", [5, 8, 32, 33, 61])
@pytest.mark.parametrize("steps", ["auto", 3])
def test_equals_keras_without_xla(n, steps):
    kwargs = {"sample_weight": np.linspace(0, 2, n), "validation_data": data(11, seed=5)}
    fused = fitted(plain_net, n, jit_compile=False, steps=steps, **kwargs)
    assert_same(fused, fitted(plain_net, n, jit_compile=False, steps=1, **kwargs))


@pytest.mark.parametrize("make", [random_net, batch_norm_net], ids=["dropout and draws", "batch normalization"])
def test_equals_keras_with_xla(make):
    fused = fitted(make, 29, jit_compile=True, steps="auto")
    assert_same(fused, fitted(make, 29, jit_compile=True, steps=1))


def test_batch_normalization_equals_keras_without_xla():
    validation = {"validation_data": data(11, seed=5)}
    fused = fitted(batch_norm_net, 29, jit_compile=False, steps="auto", **validation)
    assert_same(fused, fitted(batch_norm_net, 29, jit_compile=False, steps=1, **validation))


class _Phases(keras.layers.Layer):
    """Counts in a weight how often it ran in training mode and not."""

    def build(self, input_shape):
        self.counts = self.add_weight(shape=(2,), trainable=False, initializer="zeros")

    def call(self, x, training=False):
        self.counts.assign_add([1.0, 0.0] if training else [0.0, 1.0])
        return x


def test_training_true_in_every_fused_step_and_false_elsewhere(x):
    phases = _Phases()
    encoder = keras.Sequential([keras.Input((3,)), phases, keras.layers.Dense(4), layers.IndependentNormal(2)])
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3), layers.IndependentNormal(3, "mean", scale=1.0)]
    )
    vae = tfvae.VAE(encoder, decoder)
    vae.compile("adam", jit_compile=False)
    phases.counts.assign([0.0, 0.0])
    vae.fit(x, batch_size=10, epochs=2, verbose=0)
    np.testing.assert_array_equal(phases.counts, [14, 0])
    vae.evaluate(x, batch_size=32, verbose=0)
    vae.encode(x)
    vae.log_likelihood(x, 3)
    np.testing.assert_array_equal(phases.counts, [14, 2 + 1 + 1])


class _Calls(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(("begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(("end", batch, sorted(logs)))

    def on_test_batch_end(self, batch, logs=None):
        self.calls.append(("test", batch))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("epoch", epoch, sorted(logs)))


def test_callbacks_are_called_as_with_steps_per_execution():
    def calls_of(cls):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((3,))
        model = cls(inputs, keras.layers.Dense(2)(inputs))
        model.compile("sgd", "mse", steps_per_execution=4)
        recorder = _Calls()
        x, y = data(83)
        model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[recorder], validation_data=data(40))
        return recorder.calls

    assert calls_of(FastFitModel) == calls_of(keras.Model)


def test_order_is_a_function_of_seed_and_epoch():
    def rows_of(epoch, seed=7):
        x = np.arange(53, dtype="float32")[:, None]
        batches = Batches((x,), 8, 3)
        seen = []
        for rows, count, rest, is_last in batches.dataset(seed, epoch).take(batches.executions):
            seen += rows[0][: count * 8].numpy().ravel().tolist()
            seen += rest[0].numpy().ravel().tolist() if is_last else []
        return seen

    assert sorted(rows_of(0)) == list(range(53))
    assert rows_of(0) != rows_of(1) != sorted(rows_of(1))
    assert rows_of(1) == rows_of(1)
    assert rows_of(1) != rows_of(1, seed=8)


def test_a_resumed_fit_sees_what_an_unbroken_one_sees():
    x, y = data(50)

    def compiled():
        model = plain_net()
        model.compile(keras.optimizers.Adam(0.01), "mse")
        model.shuffle_seed = 3
        return model

    unbroken, broken = compiled(), compiled()
    unbroken.fit(x, y, epochs=4, batch_size=8, verbose=0)
    broken.fit(x, y, epochs=2, batch_size=8, verbose=0)
    broken.fit(x, y, epochs=4, initial_epoch=2, batch_size=8, verbose=0)
    for a, b in zip(unbroken.trainable_variables, broken.trainable_variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_validation_split_equals_keras():
    fused = fitted(plain_net, 40, jit_compile=False, steps="auto", validation_split=0.25)
    assert_same(fused, fitted(plain_net, 40, jit_compile=False, steps=1, validation_split=0.25))
    with pytest.raises(ValueError, match="one side would be empty"):
        fitted(plain_net, 1, jit_compile=False, steps="auto", validation_split=0.1)


def test_falls_back_when_xla_cannot_compile(x):
    inputs = keras.Input((3,))
    text = keras.layers.Lambda(lambda t: tf.ensure_shape(tf.py_function(tf.identity, [t], tf.float32), t.shape))
    model = FastFitModel(inputs, keras.layers.Dense(1)(text(inputs)))
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="XLA cannot compile this model"):
        history = model.fit(x, x[:, :1], epochs=40, batch_size=1, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.optimizer.iterations == 40 * 64


def test_fitting_again_and_recompiling_reuse_nothing_stale(x):
    model = plain_net()
    model.compile("adam", "mse")
    _, y = data(64)
    model.fit(x, y, verbose=0)
    functions = dict(model._compilation.traced)
    model.fit(x, y, verbose=0)
    assert model._compilation.traced == functions
    streamed = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    model.fit(streamed, verbose=0)
    model.fit(x, y, verbose=0, validation_data=(x, y))
    by_arrays = model.evaluate(x, y, verbose=0)
    mixed = model.fit(x, y, verbose=0, validation_data=streamed, epochs=2)
    assert mixed.history["val_loss"][1] == pytest.approx(model.evaluate(streamed, verbose=0), rel=1e-5)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(streamed, verbose=0), rel=1e-5) != by_arrays
    model.layers[1].trainable = False
    model.compile("sgd", "mse")
    before = model.layers[1].get_weights()[0]
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.layers[1].get_weights()[0], before)


def test_early_stopping_ends_the_fused_fit(x):
    vae = tfvae.make_mixture_decoder_vae(3, 4)
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=2, min_delta=100, restore_best_weights=True)
    history = vae.fit(x, epochs=50, verbose=0, validation_data=(x, None), callbacks=[stopping]).history
    assert len(history["loss"]) == 3


class _Evaluating(keras.callbacks.Callback):
    """Evaluates on other data in the middle of a fit."""

    def __init__(self, data):
        super().__init__()
        self.data, self.seen = data, []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(self.model.evaluate(*self.data, verbose=0))


@pytest.mark.parametrize("streamed", [False, True])
def test_a_callback_may_evaluate_on_other_data(streamed):
    other = data(90, seed=3)
    other = (tf.data.Dataset.from_tensor_slices(other).batch(7),) if streamed else other
    evaluating = _Evaluating(other)
    model = plain_net()
    model.compile("adam", "mse")
    x, y = data(50)
    history = model.fit(x, y, epochs=3, verbose=0, validation_data=data(20, seed=2), callbacks=[evaluating]).history
    assert len(evaluating.seen) == len(history["val_loss"]) == 3
    assert evaluating.seen[-1] == pytest.approx(model.evaluate(*other, verbose=0), rel=1e-5)
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(*data(20, seed=2), verbose=0), rel=1e-5)


def test_keras_other_ways_to_train_work_after_a_fused_fit(x):
    model = plain_net()
    model.compile("adam", "mse")
    _, y = data(64)
    model.fit(x, y, verbose=0)
    before = model.evaluate(x, y, 32, 0)
    assert model.test_on_batch(x, y) == pytest.approx(before, rel=1e-5)
    model.train_on_batch(x, y)
    assert model._run is None


def test_a_lambda_in_compile_is_refused_at_save(tmp_path):
    model = plain_net()
    model.compile("adam", loss=lambda y, p: tf.square(y - p))
    with pytest.raises(ValueError, match="register_keras_serializable"):
        model.save(tmp_path / "model.keras")


def test_a_large_network_says_that_its_graph_is_built_once(x, capsys):
    inputs = h = keras.Input((3,))
    for _ in range(100):
        h = keras.layers.Dense(3)(h)
    model = FastFitModel(inputs, h)
    model.compile("sgd", "mse", jit_compile=False)
    said = []
    for _ in range(2):
        model.fit(x, x, batch_size=32, verbose=2)
        said.append(capsys.readouterr().err.count("Building the graph of 10"))
    assert said == [1, 0]


def test_convolutions_stay_off_xla_on_a_cpu_and_count_as_what_they_cost():
    image = keras.Input((16, 16, 1))
    small = keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(image)))
    wide = keras.layers.Conv2D(64, 3, padding="same")(image)
    convolved = keras.Model(image, keras.layers.Conv2D(64, 3, padding="same")(wide))
    assert is_worth_xla(small, 10_000)
    assert not is_worth_xla(convolved, 10_000)
    data = (np.zeros((100_000, 16, 16, 1), "float32"),)
    dense, others = (steps_in_one_execution(model, "auto", data, 100) for model in (small, convolved))
    assert others < dense  # each parameter is used 256 times an image


def test_the_first_batches_of_a_data_set_are_checked_and_its_epochs_are_not_disturbed():
    begun = []

    def batches():
        begun.append(None)
        for k in range(3):
            yield np.full((4, 2), 0.5 if k < 2 else 7.0, "float32")

    spec = tf.TensorSpec((4, 2), tf.float32)
    data = tf.data.Dataset.from_generator(batches, output_signature=spec).apply(
        tf.data.experimental.assert_cardinality(3)
    )
    vae = tfvae.make_dense_vae(2, 1, (4,), likelihood=tfvae.layers.IndependentBernoulli(2, "mean"))
    vae.fit(data, epochs=2, verbose=0)  # the third batch is not looked at
    assert len(begun) == 2
    x = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    weights = np.ones(40, "float32")
    for bad in (tf.data.Dataset.from_tensor_slices(x), tf.data.Dataset.from_tensor_slices((x, x, weights))):
        with pytest.raises(ValueError, match=r"`x` has values from|`y` has values from"):
            vae.fit(bad.batch(10), verbose=0)
    x[3, 1] = np.nan
    with pytest.raises(ValueError, match="`x`.* NaN|NaN.*`x`"):
        vae.fit(tf.data.Dataset.from_tensor_slices(np.clip(x, 0, 1)).batch(10), verbose=0)
