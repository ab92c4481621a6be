"""Restarts: each candidate learns as it would alone, and the model is the best of them."""

import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest

import tfvae
from tfvae import layers
from tfvae.models import VAE, Restarts
from tfvae.objectives import ELBO


def small(num_restarts=3, objective=None, optimizer=None, **compiled):
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layers.IndependentNormal(2)])
    likelihood = layers.IndependentNormal(3, "mean", scale=layers.LearnedScale())
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(likelihood.num_params), likelihood])
    model = Restarts(encoder, decoder, objective=objective, num_restarts=num_restarts)
    model.compile(optimizer or keras.optimizers.Adam(1e-2), **compiled)
    model.build((None, 3))
    return model


def weights_of(vae):
    return [v.numpy() for v in (*vae.encoder.weights, *vae.decoder.weights)]


def assert_equal(a, b):
    for u, v in zip(a, b, strict=True):
        np.testing.assert_array_equal(u, v)


@pytest.mark.parametrize("steps", ["auto", 1])
def test_each_candidate_learns_as_it_would_alone(x, steps):
    """Without noise from the posterior (its value is the mean), a candidate is trained as a VAE of the same start."""

    def deterministic(model):
        for vae in (model, *getattr(model, "candidates", ())):
            vae.encoder.layers[-1].convert_to_tensor_fn = layers.IndependentNormal(2, "mean").convert_to_tensor_fn

    model = small(steps_per_execution=steps, jit_compile=False)
    deterministic(model)
    starts = [weights_of(c) for c in model.candidates]
    model.fit(x, epochs=2, batch_size=16, shuffle=False, verbose=0)
    for candidate, start in zip(model.candidates, starts, strict=True):
        alone = VAE.from_config(small(1).candidates[0].get_config())
        alone.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
        alone.build((None, 3))
        deterministic(alone)
        for variable, value in zip((*alone.encoder.weights, *alone.decoder.weights), start, strict=True):
            variable.assign(value)
        alone.fit(x, epochs=2, batch_size=16, shuffle=False, verbose=0)
        for u, v in zip(weights_of(candidate), weights_of(alone), strict=True):
            np.testing.assert_allclose(u, v, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_the_model_is_the_best_candidate(x, jit_compile):
    model = small(jit_compile=jit_compile)
    spoilt = [c for k, c in enumerate(model.candidates) if k != 1]
    for candidate in spoilt:
        candidate.decoder.layers[0].bias.assign([50.0, 50.0, 50.0])
    logs = model.fit(x, epochs=3, batch_size=16, verbose=0, validation_data=x).history
    assert np.argmin(model.scores) == 1
    assert_equal(weights_of(model), weights_of(model.candidates[1]))
    assert logs["loss"][-1] == pytest.approx(logs["reconstruction"][-1] + logs["kl"][-1], rel=1e-4)
    assert logs["loss"][-1] < model.scores.numpy()[0]
    assert logs["val_loss"][-1] == pytest.approx(logs["val_reconstruction"][-1] + logs["val_kl"][-1], rel=1e-4)
    assert logs["scale"][-1] == pytest.approx(float(model.candidates[1].smallest_scale()), rel=0.1)


def test_scores_are_the_running_means_of_the_negative_elbo(x):
    model = small(optimizer=keras.optimizers.SGD(0.0), objective=ELBO(beta=7.0))
    model.fit(x, epochs=60, batch_size=64, verbose=0)
    expected = []
    for candidate in model.candidates:
        candidate.compile("sgd")
        expected.append(np.mean([candidate.evaluate(x, batch_size=64, verbose=0)[0] for _ in range(25)]))
    # Means of 60 and of 25 batches of 64, each with a standard deviation of 0.5 at most.
    # The difference of the means has 0.12: five of them, an error probability below 1e-5.
    np.testing.assert_allclose(model.scores, expected, atol=0.6)


def test_saves_loads_goes_on_and_gives_the_best_alone(x, tmp_path):
    model = small()
    model.fit(x, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again, Restarts)
    np.testing.assert_array_equal(again.scores, model.scores)
    for a, b in zip(again.candidates, model.candidates, strict=True):
        assert_equal(weights_of(a), weights_of(b))
    assert np.isfinite(again.fit(x, epochs=1, verbose=0).history["loss"]).all()
    best = again.best()
    assert type(best) is VAE
    assert_equal(weights_of(best), weights_of(again))
    best.save(tmp_path / "best.keras")
    alone = keras.models.load_model(tmp_path / "best.keras")
    assert_equal(weights_of(alone), weights_of(again))
    assert np.isfinite(alone.fit(x, epochs=1, verbose=0).history["loss"]).all()
    assert (tmp_path / "best.keras").stat().st_size < (tmp_path / "model.keras").stat().st_size


def test_optimizer_sees_the_candidates_alone():
    model = small(num_restarts=2)
    assert len(model.trainable_variables) == 2 * len(model.candidates[0].trainable_variables)


def test_wrong_arguments_are_one_sentence():
    with pytest.raises(ValueError, match="`num_restarts` must be at least 1"):
        small(num_restarts=0)
    with pytest.raises(ValueError, match="global_clipnorm"):
        small(optimizer=keras.optimizers.Adam(global_clipnorm=1.0))


def test_the_factorys_warm_up_runs_without_a_callback_and_only_once(x):
    vae = tfvae.make_manifold_vae(3, hidden=(4,), num_steps=16, num_restarts=1)
    assert type(vae) is VAE
    first = vae.fit(x, batch_size=16, epochs=4, verbose=0).history
    np.testing.assert_allclose(first["beta"], [0.5, 1, 1, 1])
    assert vae.fit(x, batch_size=16, epochs=1, verbose=0).history["beta"] == [1]


@pytest.mark.parametrize("jit_compile", [True, False])
def test_a_candidate_that_diverges_is_left_behind(x, jit_compile):
    model = small(jit_compile=jit_compile)
    model.candidates[0].decoder.layers[0].bias.assign([np.nan] * 3)
    logs = model.fit(x, epochs=2, batch_size=16, verbose=0, validation_data=x).history
    assert np.isfinite(logs["loss"]).all()
    assert np.isfinite(logs["val_loss"]).all()
    assert np.isinf(model.scores[0])
    assert all(np.isfinite(w).all() for c in model.candidates[1:] for w in weights_of(c))


def test_added_losses_are_the_candidates_own(x):
    encoder = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(100.0)),
            layers.IndependentNormal(2),
        ]
    )
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(6), layers.IndependentNormal(3)])
    model = Restarts(encoder, decoder, num_restarts=3)
    model.compile(keras.optimizers.SGD(0.0))
    logs = model.fit(x, epochs=1, batch_size=64, verbose=0).history
    best = model.candidates[int(np.argmin(model.scores))]
    penalty = 100 * float(np.square(best.encoder.layers[0].kernel).sum())
    assert logs["loss"][0] == pytest.approx(logs["reconstruction"][0] + logs["kl"][0] + penalty, rel=1e-4)
    kept = model.evaluate(x, batch_size=64, verbose=0, return_dict=True)
    assert kept["loss"] == pytest.approx(kept["reconstruction"] + kept["kl"] + penalty, rel=1e-4)


def test_the_factorys_warm_up_goes_on_in_a_second_fit(x):
    vae = tfvae.make_manifold_vae(3, hidden=(4,), num_steps=16, num_restarts=1)
    with pytest.warns(UserWarning, match="ends before β is reached"):
        betas = [vae.fit(x, batch_size=16, epochs=1, verbose=0).history["beta"][0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # this one reaches it
        betas += vae.fit(x, batch_size=16, epochs=1, verbose=0).history["beta"]
    np.testing.assert_allclose(betas, [0.5, 1.0])


TWO_REPLICAS = """
import keras, numpy as np, tensorflow as tf
cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)
import tfvae
x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = tfvae.make_manifold_vae(3, hidden=(4,), num_steps=8, num_restarts=2)
logs = model.fit(x, batch_size=32, epochs=4, verbose=0).history
assert np.isfinite(logs["loss"]).all()
np.testing.assert_allclose(logs["beta"], [0.5, 1, 1, 1])
"""


def test_trains_on_two_replicas():
    """In a process of its own: TensorFlow's collectives remember the shapes of an earlier strategy's gradients."""
    result = subprocess.run([sys.executable, "-c", TWO_REPLICAS], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
