"""The VAE: its loss against the functional route and closed forms, its data forms, saving, and two replicas."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae import layers, objectives, priors
from tfvae.training import KLWarmUp

tfd = tfp.distributions


def make_vae(prior=None, objective=None, convert="sample", likelihood=None, **compiled):
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layers.IndependentNormal(2, convert, seed=1)])
    likelihood = likelihood or layers.IndependentNormal(3, "mean", scale=0.7)
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(likelihood.num_params), likelihood])
    vae = tfvae.VAE(encoder, decoder, prior, objective)
    vae.compile(**{"optimizer": keras.optimizers.Adam(1e-2), **compiled})
    return vae


def test_functional_route_and_vae_route_give_the_same_number_on_the_same_draw(x):
    for prior, exact in ((priors.StandardNormal(2), True), (priors.MixturePrior(2, 3, seed=1), False)):
        vae = make_vae(prior, jit_compile=False)  # XLA draws other numbers from the same seed
        regularizer = layers.KLDivergenceRegularizer(prior, use_exact_kl=exact)
        posterior = layers.IndependentNormal(2, seed=1, activity_regularizer=regularizer)
        encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), posterior])
        net = keras.Model(encoder.inputs, vae.decoder(encoder.outputs[0]))
        net.compile("adam", objectives.NegativeLogProb())
        encoder.layers[0].set_weights(vae.encoder.layers[0].get_weights())
        functional = net.evaluate(x, x, batch_size=64, verbose=0)
        assert vae.evaluate(x, batch_size=64, verbose=0, return_dict=True)["loss"] == pytest.approx(
            functional, rel=1e-5
        )


def test_loss_is_the_closed_form(x):
    vae = make_vae(convert="mean")
    got = vae.evaluate(x, batch_size=64, verbose=0, return_dict=True)
    q = vae.encode(x)
    loc, scale = q.mean().numpy(), q.stddev().numpy()
    kl = 0.5 * (loc**2 + scale**2 - 1 - 2 * np.log(scale)).sum(axis=1).mean()
    error = (x - vae.decode(loc).mean()) / 0.7
    reconstruction = (0.5 * error**2 + np.log(0.7) + 0.5 * np.log(2 * np.pi)).numpy().sum(axis=1).mean()
    assert got["kl"] == pytest.approx(kl, rel=1e-5)
    assert got["reconstruction"] == pytest.approx(reconstruction, rel=1e-5)
    assert got["loss"] == pytest.approx(kl + reconstruction, rel=1e-5)


def test_fit_takes_x_pairs_and_data_sets(x):
    for arguments in ((x,), (x, x), (tf.data.Dataset.from_tensor_slices(x).batch(16),),
                      (tf.data.Dataset.from_tensor_slices((x, x)).batch(16),)):  # fmt: skip
        vae = make_vae()
        logs = vae.fit(*arguments, epochs=2, verbose=0, validation_data=(x, None)).history
        assert set(logs) == {"loss", "reconstruction", "kl", "val_loss", "val_reconstruction", "val_kl"}
        assert vae.optimizer.iterations > 0
        assert logs["val_loss"][-1] == pytest.approx(logs["val_reconstruction"][-1] + logs["val_kl"][-1], rel=1e-5)


def test_beta_weighs_training_and_not_evaluation(x):
    vae = make_vae(objective=tfvae.ELBO(beta=3.0), convert="mean", optimizer=keras.optimizers.SGD(0.0))
    logs = {k: v[0] for k, v in vae.fit(x, verbose=0, batch_size=64, validation_data=x).history.items()}
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + 3 * logs["kl"], rel=1e-5)
    assert logs["val_loss"] == pytest.approx(logs["reconstruction"] + logs["kl"], rel=1e-5)


def test_free_bits_charge_at_least_their_worth_in_each_dimension(x):
    free = make_vae(objective=tfvae.ELBO(free_bits=5.0), convert="mean", optimizer=keras.optimizers.SGD(0.0))
    logs = {k: v[0] for k, v in free.fit(x, verbose=0, batch_size=64).history.items()}
    per_dimension = tfvae.divergences.kl_per_dimension(free.encode(x).distribution, free.prior.distribution())
    expected = np.maximum(np.mean(per_dimension, axis=0), 5.0).sum()
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + expected, rel=1e-5)


@pytest.mark.parametrize("fused", [True, False])
def test_warm_up_is_exact_in_each_step_and_reported(fused, x):
    vae = make_vae(objective=tfvae.ELBO(beta=2.0), convert="mean", optimizer=keras.optimizers.SGD(0.0),
                   steps_per_execution="auto" if fused else 1)  # fmt: skip
    history = vae.fit(x, batch_size=16, epochs=4, verbose=0, shuffle=False, callbacks=[KLWarmUp(epochs=2)]).history
    np.testing.assert_allclose(history["beta"], [1, 2, 2, 2], rtol=1e-6)
    kl = [
        float(tf.reduce_mean(tfd.kl_divergence(vae.encode(x[i : i + 16]), vae.prior.distribution())))
        for i in range(0, 64, 16)
    ]
    expected = history["reconstruction"][0] + np.mean([2 * step / 8 * k for step, k in enumerate(kl)])
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)


def test_warm_up_warns_when_too_long_and_early_stopping_waits(x):
    stopping = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=1e6)
    with pytest.warns(UserWarning, match="ends before β is reached"):
        make_vae().fit(x, epochs=2, verbose=0, callbacks=[KLWarmUp(steps=1000)])
    history = make_vae().fit(x, epochs=9, verbose=0, callbacks=[KLWarmUp(epochs=5), stopping]).history
    assert len(history["loss"]) == 7  # the sixth epoch is the first that counts, the seventh is no better
    assert stopping.start_from_epoch == 0  # as the user has it
    history = make_vae().fit(x, epochs=9, verbose=0, callbacks=[KLWarmUp(epochs=1), stopping]).history
    assert len(history["loss"]) == 3
    with pytest.raises(ValueError, match="either epochs > 0 or steps > 0"):
        KLWarmUp()


@pytest.mark.parametrize(
    "prior", [lambda: priors.StandardNormal(2), lambda: priors.MixturePrior(2, 3)], ids=["normal", "mixture"]
)
@pytest.mark.parametrize("jit_compile", [True, False])
def test_saves_loads_and_fits_on(prior, jit_compile, x, tmp_path):
    scale = layers.LearnedScale(per_feature=True)
    vae = make_vae(
        prior(), tfvae.ELBO(0.5), likelihood=layers.IndependentNormal(3, "mean", scale=scale), jit_compile=jit_compile
    )
    assert "scale" in vae.fit(x, epochs=2, batch_size=16, verbose=0).history
    vae.save(tmp_path / "vae.keras")
    loaded = keras.models.load_model(tmp_path / "vae.keras")
    for ours, theirs in zip(vae.variables, loaded.variables, strict=True):
        if "seed" not in ours.path:
            np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)
    assert loaded.objective.beta == 0.5
    assert loaded.get_compile_config()["steps_per_execution"] == "auto"
    np.testing.assert_array_equal(vae.sample(10, seed=3), loaded.sample(10, seed=3))
    np.testing.assert_array_equal(vae.log_likelihood(x, 10).log_likelihood, loaded.log_likelihood(x, 10).log_likelihood)
    loaded.fit(x, epochs=1, batch_size=16, verbose=0)
    assert loaded.optimizer.iterations == 12


def test_sample_reconstruct_predict(x):
    vae = make_vae()
    draws = vae.sample(7, seed=1)
    assert draws.shape == vae.sample(7, seed=1, mean=True).shape == (7, 3)
    np.testing.assert_array_equal(draws, vae.sample(7, seed=1))
    assert np.any(draws != vae.sample(7, seed=2))
    assert np.any(vae.sample(7) != vae.sample(7))
    assert vae.reconstruct(x).shape == vae.predict(x, verbose=0).shape == (64, 3)
    assert vae.sample(0).shape == (0, 3)
    assert vae.encode(x).distribution.batch_shape == (64,)
    assert vae.decode(np.zeros((5, 4, 2), "float32")).batch_shape == (5, 4)


def test_several_draws_of_the_posterior_train(x):
    draws = layers.IndependentNormal(2, lambda d: d.sample(4))
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), draws])
    decoder = make_vae().decoder
    vae = tfvae.VAE(encoder, decoder, priors.MixturePrior(2, 3))
    vae.compile("adam")
    assert np.isfinite(vae.fit(x, epochs=2, verbose=0).history["loss"]).all()


def test_refuses_a_second_kl_and_plain_networks(x):
    prior = priors.StandardNormal(2)
    twice = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4),
            layers.IndependentNormal(2, activity_regularizer=layers.KLDivergenceRegularizer(prior)),
        ]
    )
    with pytest.raises(ValueError, match="VAE adds its own"):
        tfvae.VAE(twice, make_vae().decoder)
    plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    vae = tfvae.VAE(plain, make_vae().decoder)
    vae.compile("adam")
    with pytest.raises(TypeError, match="must end in a distribution layer"):
        vae.fit(x, verbose=0)


def test_bad_data_are_refused_before_training(x):
    vae = make_vae()
    broken = x.copy()
    broken[5, 1] = np.nan
    for arguments in ({"x": broken}, {"x": x, "validation_data": (broken, None)}):
        with pytest.raises(ValueError, match="NaN or infinite values in 1 of 64 rows, first in row 6"):
            vae.fit(**arguments, verbose=0)
    with pytest.raises(ValueError, match="no rows"):
        vae.fit(x[:0], verbose=0)
    with pytest.raises(ValueError, match="NaN"):
        vae.log_likelihood(broken)
    assert vae.optimizer.iterations == 0


def test_reaching_the_floor_is_flagged():
    x = np.zeros((512, 3), "float32")  # noise-free: the likelihood has no upper bound
    likelihood = layers.IndependentNormal(3, "mean", scale=layers.LearnedScale(floor=0.2))
    vae = make_vae(likelihood=likelihood, optimizer=keras.optimizers.Adam(0.05))
    with pytest.warns(UserWarning, match="floor 0.2"):
        history = vae.fit(x, epochs=40, batch_size=32, verbose=0).history
    assert history["scale"][-1] < 0.21
    assert likelihood.scale.at_floor()


def _on_two_replicas(make):
    devices = [d.name.replace("/device:", "") for d in tf.config.list_logical_devices("CPU")][:2]
    strategy = tf.distribute.MirroredStrategy(devices, cross_device_ops=tf.distribute.ReductionToOneDevice())
    with strategy.scope():
        return make()


def test_two_replicas_equal_one_on_the_same_global_batch(x):
    data = tf.data.Dataset.from_tensor_slices(x).batch(16)

    def make():
        return make_vae(convert="mean", optimizer=keras.optimizers.SGD(0.05))

    one, two = make(), _on_two_replicas(make)
    logs = [vae.fit(data, epochs=3, verbose=0).history for vae in (one, two)]
    for name in ("loss", "kl", "reconstruction"):
        np.testing.assert_allclose(logs[0][name], logs[1][name], rtol=1e-4)
    for a, b in zip(one.trainable_variables, two.trainable_variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)


def test_two_replicas_draw_different_noise():
    def draws():
        layer = layers.IndependentNormal(2, seed=1)
        strategy = tf.distribute.get_strategy()
        values = strategy.run(tf.function(lambda: tf.convert_to_tensor(layer(tf.zeros((8, 4))))))
        return strategy.experimental_local_results(values)

    first, second = _on_two_replicas(draws)
    assert np.all(first.numpy() != second.numpy())


def test_early_stopping_does_not_wait_for_a_warm_up_that_is_over(x):
    vae = make_vae(objective=tfvae.ELBO(beta=tfvae.training.LinearWarmUp(8)))
    stopping = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=1e6)
    arguments = {"batch_size": 16, "epochs": 9, "verbose": 0, "callbacks": [stopping]}
    assert len(vae.fit(x, **arguments).history["loss"]) == 4  # two epochs of warm-up
    assert len(vae.fit(x, **arguments).history["loss"]) == 2
    assert stopping.start_from_epoch == 0


def test_a_schedule_of_keras_is_a_beta_and_a_callback_leaves_it_alone(x, tmp_path):
    falling = keras.optimizers.schedules.PolynomialDecay(4.0, 4, 0.0)
    vae = make_vae(objective=tfvae.ELBO(beta=falling), convert="mean", optimizer=keras.optimizers.SGD(0.0))
    logs = vae.fit(x, batch_size=16, epochs=2, verbose=0).history
    assert logs["loss"][0] > logs["reconstruction"][0]
    assert logs["loss"][1] == pytest.approx(logs["reconstruction"][1], rel=1e-5)
    vae.save(tmp_path / "m.keras")
    assert keras.models.load_model(tmp_path / "m.keras").objective.beta.get_config() == falling.get_config()
    with pytest.raises(ValueError, match="KLWarmUp is for a β that is a number"):
        vae.fit(x, verbose=0, callbacks=[KLWarmUp(epochs=1)])
    with pytest.raises(ValueError, match="`beta` must be at least 0, or a Keras schedule"):
        tfvae.ELBO(beta="much")


def test_a_warm_up_may_go_on_in_a_second_fit(x, recwarn):
    vae = make_vae(objective=tfvae.ELBO(beta=tfvae.training.LinearWarmUp(8)))
    vae.fit(x, batch_size=16, epochs=1, verbose=0)
    assert [w for w in recwarn if "takes 8 steps but the training has 4" in str(w.message)]
    recwarn.clear()
    vae.fit(x, batch_size=16, epochs=2, initial_epoch=1, verbose=0)
    assert not [w for w in recwarn if "warm-up" in str(w.message)]


def test_another_beta_within_a_fused_fit_reaches_the_plain_one_after_it(x):
    vae = make_vae(convert="mean", optimizer=keras.optimizers.SGD(0.0))

    def rows():
        yield from itertools.repeat((x[:16],))

    set_beta = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: vae.set_beta(1000.0))
    vae.fit(rows(), steps_per_epoch=4, verbose=0)
    vae.fit(x, verbose=0, callbacks=[set_beta])
    logs = {k: v[0] for k, v in vae.fit(rows(), steps_per_epoch=4, verbose=0).history.items()}
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + 1000 * logs["kl"], rel=1e-5)


def test_validation_data_are_weighed_without_a_y(x):
    vae = make_vae(convert="mean", optimizer=keras.optimizers.SGD(0.0))
    weight = np.linspace(0, 1, len(x)).astype("float32")
    logs = vae.fit(x, verbose=0, validation_data=(x, None, weight)).history
    expected = vae.evaluate(x, x, sample_weight=weight, verbose=0, return_dict=True)
    assert logs["val_loss"][0] == pytest.approx(expected["loss"], rel=1e-5)
    assert logs["val_loss"][0] != pytest.approx(vae.evaluate(x, verbose=0, return_dict=True)["loss"], rel=1e-2)


def test_a_warm_up_that_is_over_stays_over(x):
    vae = make_vae(convert="mean", optimizer=keras.optimizers.SGD(0.0))
    vae.fit(x, epochs=4, batch_size=16, verbose=0)
    vae.fit(x, epochs=2, batch_size=16, verbose=0, callbacks=[KLWarmUp(epochs=1)])
    vae.compile(keras.optimizers.SGD(0.0))
    logs = {k: v[0] for k, v in vae.fit(x, verbose=0, batch_size=64).history.items()}
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + logs["kl"], rel=1e-5)


def test_fit_takes_keras_positions_frames_and_integers(x):
    import pandas as pd

    vae = make_vae()
    vae.fit(x, x, 32, 2, 0)
    vae.fit(pd.DataFrame(x), verbose=0)
    vae.fit((10 * x).astype("int64"), verbose=0)
    broken = pd.DataFrame(x)
    broken.iloc[3, 1] = np.nan
    for data in (broken, tf.constant(broken.to_numpy())):
        with pytest.raises(ValueError, match="first in row 4"):
            vae.fit(data, verbose=0)


def test_likelihood_without_xla_where_xla_cannot(x):
    text = keras.layers.Lambda(lambda t: tf.ensure_shape(tf.py_function(tf.identity, [t], tf.float32), t.shape))
    decoder = keras.Sequential(
        [keras.Input((2,)), text, keras.layers.Dense(3), layers.IndependentNormal(3, "mean", scale=1.0)]
    )
    vae = tfvae.VAE(make_vae().encoder, decoder)
    vae.compile("adam")
    with pytest.warns(UserWarning, match="XLA cannot compile"):
        assert np.isfinite(vae.log_likelihood(x, 20_000).mean)


def test_grey_values_under_a_bernoulli_are_no_likelihood(x):
    vae = make_vae(likelihood=layers.IndependentBernoulli(3, "mean"))
    binary = (x > 0).astype("float32")
    with pytest.warns(UserWarning, match="not the log of a density"):
        vae.log_likelihood(0.5 * binary, 2)
    assert np.isfinite(vae.log_likelihood(binary, 2).log_likelihood).all()  # and no warning, which would be an error


def test_data_are_checked_in_their_roles(x):
    likelihood = layers.IndependentBernoulli(3, "mean")
    features, pixels = 5 * x, (x > 0).astype("float32")
    vae = make_vae(likelihood=likelihood)
    weights = np.full(len(x), 2.0)
    vae.fit(features, pixels, verbose=0, sample_weight=weights, validation_data=(features, pixels, weights))
    with pytest.raises(ValueError, match="`validation_data` has values"):
        vae.fit(features, pixels, verbose=0, validation_data=(features, features))
    for use in (vae.evaluate, vae.log_likelihood):
        with pytest.raises(ValueError, match="`x` has values"):
            use(features)


def test_a_decoder_may_hold_its_distribution_layer_in_a_model_of_its_own(x):
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), layers.IndependentBernoulli(3, "mean")])
    z = keras.Input((2,))
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layers.IndependentNormal(2)])
    vae = tfvae.VAE(encoder, keras.Model(z, inner(z)))
    vae.compile("adam")
    assert np.isfinite(vae.fit((x > 0).astype("float32"), verbose=0).history["loss"]).all()
    with pytest.raises(ValueError, match="IndependentBernoulli is for"):
        vae.fit(3 * x, verbose=0)


def test_a_likelihood_of_counts_takes_whole_numbers():
    vae = tfvae.make_dense_vae(3, 2, (4,), likelihood=layers.IndependentPoisson(3))
    counts = np.random.default_rng(0).poisson(2.0, (40, 3)).astype("float32")
    assert np.isfinite(vae.fit(counts, verbose=0).history["loss"]).all()
    for wrong, value in ((counts + 0.25, "0.25|1.25|2.25|3.25|4.25|5.25"), (counts - 7, "-")):
        with pytest.raises(
            ValueError, match=f"`x` has values such as ({value}).*IndependentPoisson is for counts 0, 1, 2"
        ):
            vae.fit(wrong, verbose=0)


@pytest.mark.parametrize(
    "posterior",
    [
        lambda: layers.MixtureNormal(3, 2, reparameterize=False),
        lambda: layers.MixtureSameFamily(3, layers.IndependentNormal(2)),
        lambda: layers.IndependentPoisson(2),
    ],
)
def test_a_posterior_without_a_gradient_is_said(posterior, x):
    """Document 004's "one of the components at random": a draw, through which the weights learn nothing."""
    vae = tfvae.make_dense_vae(3, 2, (8,), posterior=posterior(), objective=objectives.ELBO(num_draws=2))
    with pytest.warns(UserWarning, match="carry no gradient to all of its parameters"):
        vae.terms(x[:8], training=True)
    for good in (layers.MixtureNormal(3, 2), layers.MixtureNormal(3, 2, stratified=True)):
        vae = tfvae.make_dense_vae(3, 2, (8,), posterior=good)
        vae.terms(x[:8], training=True)


def test_a_row_far_outside_of_a_table_stops_no_scoring():
    """A sentinel, such as −9999, among standardized numbers: the other rows keep their scores."""
    from tfvae.models.table_models import gaussian

    keras.utils.set_random_seed(0)
    vae = gaussian(3)
    rows = np.concatenate([np.random.default_rng(0).normal(size=(9, 3)), np.full((1, 3), -9999.0)])
    log_likelihood = vae.log_likelihood(rows, 20).log_likelihood
    assert np.isfinite(log_likelihood[:9]).all()
    assert log_likelihood[9] < -1e6


@pytest.mark.parametrize("rows", [(64, 1), (64, 3, 1), (64, 4)])
def test_rows_of_another_shape_are_refused_and_not_broadcast(x, rows):
    vae = make_vae()
    message = rf"for rows of shape \(3,\), but `[xy]` has rows of \({rows[1]}"
    with pytest.raises(ValueError, match=message):
        vae.fit(np.zeros(rows, "float32"), verbose=0)
    with pytest.raises(ValueError, match=message):
        vae.fit(x, np.zeros(rows, "float32"), verbose=0)


def test_a_loss_is_refused_where_the_objective_is_the_loss():
    with pytest.raises(ValueError, match="A VAE minimizes its objective: leave out `loss`"):
        make_vae().compile("adam", loss="mse")
