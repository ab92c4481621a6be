"""A VAE against a discriminator: a step by hand, its forms of data, saving and resuming, and what is said of the game."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import layers, objectives, runs
from tfvae.runs.directory import RunDirectory
from tfvae.training import LinearWarmUp

CONFIG = {"command": "test", "arguments": {}}


def dense_discriminator(width=6, **kwargs):
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(width, "tanh", name="features"), keras.layers.Dense(2)], **kwargs
    )


def adversarial(convert="mean", optimizers=None, discriminator=None, compiled=None, **kwargs):
    """Without noise, unless `convert` is "sample": so that two ways to train are the same to the digit."""
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layers.IndependentNormal(2, convert)])
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3), layers.IndependentNormal(3, "mean", scale=0.7)]
    )
    vae = tfvae.AdversarialVAE(encoder, decoder, discriminator or dense_discriminator(), **kwargs)
    ours, theirs = optimizers or (keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.2))
    vae.compile(ours, theirs, **{"jit_compile": False, **(compiled or {})})
    return vae


def cross_entropy(logits, label):
    p = 1 / (1 + np.exp(-np.asarray(logits, "float64")))
    return -np.log(p if label else 1 - p).mean(axis=1)


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("trains", ["model", "decoder"])
def test_a_step_is_the_one_by_hand(x, learned, trains):
    kwargs = {"feature_layer": "features"} if learned else {}
    vae = adversarial(adversarial_weight=3.0, adversary_trains=trains, **kwargs)
    weights = np.linspace(0, 2, len(x)).astype("float32")
    (e_w, e_b), (d_w, d_b) = vae.encoder.get_weights(), vae.decoder.get_weights()
    encoder, decoder = [tf.Variable(v) for v in (e_w, e_b)], [tf.Variable(v) for v in (d_w, d_b)]
    theirs = [tf.Variable(v) for v in vae.discriminator.get_weights()]

    def judge(rows):
        features = tf.tanh(rows @ theirs[0] + theirs[1])
        return features @ theirs[2] + theirs[3], features

    def bce(logits, label):
        return tf.reduce_mean(weights * tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(label * tf.ones_like(logits), logits), axis=1))  # fmt: skip

    with tf.GradientTape(persistent=True) as tape:
        loc, rho = tf.split(x @ encoder[0] + encoder[1], 2, axis=1)
        scale = tf.math.softplus(rho)
        kl = 0.5 * tf.reduce_sum(loc**2 + scale**2 - 1 - 2 * tf.math.log(scale), axis=1)
        mean = loc @ decoder[0] + decoder[1]
        fake = mean if trains == "model" else tf.stop_gradient(loc) @ decoder[0] + decoder[1]
        (real, real_features), (logits, _) = judge(x), judge(fake)
        squares = tf.reduce_sum((judge(mean)[1] - real_features) ** 2, axis=1) / 2
        if not learned:
            squares = tf.reduce_sum((mean - x) ** 2, axis=1) / (2 * 0.7**2)
        model = tf.reduce_mean(weights * (squares + kl)) + 3 * bce(logits, 1)
        discriminator = bce(real, 1) + bce(logits, 0)
    if learned:  # the features of the data are what they are
        with tf.GradientTape() as again:
            loc, rho = tf.split(x @ encoder[0] + encoder[1], 2, axis=1)
            scale = tf.math.softplus(rho)
            kl = 0.5 * tf.reduce_sum(loc**2 + scale**2 - 1 - 2 * tf.math.log(scale), axis=1)
            mean = loc @ decoder[0] + decoder[1]
            fake = mean if trains == "model" else tf.stop_gradient(loc) @ decoder[0] + decoder[1]
            squares = tf.reduce_sum((judge(mean)[1] - judge(x)[1]) ** 2, axis=1) / 2
            model = tf.reduce_mean(weights * (squares + kl)) + 3 * bce(judge(fake)[0], 1)
        of_model = again.gradient(model, [*encoder, *decoder])
    else:
        of_model = tape.gradient(model, [*encoder, *decoder])
    of_discriminator = tape.gradient(discriminator, theirs)
    logs = vae.fit(x, batch_size=64, sample_weight=weights, shuffle=False, verbose=0).history
    assert logs["discriminator_loss"][0] == pytest.approx(float(discriminator), rel=1e-5)
    assert logs["adversarial"][0] == pytest.approx(float(bce(logits, 1)), rel=1e-5)
    for variable, before, gradient in zip(
        [*vae.encoder.weights[:2], *vae.decoder.weights[:2], *vae.discriminator.weights],
        [*encoder, *decoder, *theirs],
        [*of_model, *of_discriminator],
        strict=True,
    ):
        rate = 0.2 if any(before is t for t in theirs) else 0.1
        np.testing.assert_allclose(variable, before - rate * gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_fused_equals_step_by_step(x, jit_compile):
    logs, weights = [], []
    for steps in ("auto", 1):
        vae = adversarial(compiled={"steps_per_execution": steps, "jit_compile": jit_compile})
        logs.append(vae.fit(x[:45], batch_size=8, epochs=3, shuffle=False, verbose=0, validation_data=x[45:]).history)
        weights.append(vae.get_weights())
    assert set(logs[0]) == {
        *("loss", "reconstruction", "kl", "adversarial", "discriminator_loss", "accuracy_real", "accuracy_fake"),
        *(f"val_{name}" for name in (
            "loss", "reconstruction", "kl", "adversarial", "discriminator_loss", "accuracy_real", "accuracy_fake")),
    }  # fmt: skip
    for name in logs[0]:
        np.testing.assert_allclose(logs[0][name], logs[1][name], rtol=1e-4)
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_evaluation_is_the_objectives_bound_and_shows_the_game(x):
    vae = adversarial()
    logs = vae.evaluate(x, batch_size=64, verbose=0, return_dict=True)
    terms = vae.terms(x)
    assert logs["loss"] == pytest.approx(float(tf.reduce_mean(terms.loss)), rel=1e-5)
    real, fake = (vae.discriminator(a) for a in (x, vae.decode(vae.encode(x)).numpy()))
    expected = cross_entropy(real, 1) + cross_entropy(fake, 0)
    assert logs["discriminator_loss"] == pytest.approx(expected.mean(), rel=1e-5)
    assert logs["accuracy_real"] == pytest.approx(np.mean(real > 0))
    assert logs["accuracy_fake"] == pytest.approx(np.mean(fake < 0))


@pytest.mark.parametrize("fakes", ["draws", "both"])
def test_draws_are_judged_too(x, fakes):
    vae = adversarial("sample", fakes=fakes, prior=tfvae.priors.MixturePrior(2, 3))
    logs = vae.fit(x, batch_size=16, epochs=2, verbose=0).history
    guess = (3 if fakes == "both" else 2) * np.log(2)
    assert 0.5 * guess < logs["discriminator_loss"][0] < 2 * guess
    if fakes == "draws":  # the prior learns from the discriminator as well
        assert any("prior" in v.path or "loc" in v.path for v in vae._model_variables())


def test_a_late_start_is_an_ordinary_vae_until_then(x):
    late = adversarial(adversarial_weight=LinearWarmUp(10, 5.0, start=8))
    same = adversarial()
    plain = tfvae.VAE(same.encoder, same.decoder)
    plain.compile(keras.optimizers.SGD(0.1), jit_compile=False)
    for vae in (late, plain):
        vae.fit(x, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(late.decoder.get_weights(), plain.decoder.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    late.fit(x, batch_size=16, epochs=2, shuffle=False, verbose=0)
    plain.fit(x, batch_size=16, epochs=2, shuffle=False, verbose=0)
    assert np.abs(late.decoder.get_weights()[0] - plain.decoder.get_weights()[0]).max() > 1e-4


def test_it_is_saved_with_its_discriminator_and_trains_on(x, tmp_path):
    def made():
        return adversarial(
            optimizers=(keras.optimizers.Adam(1e-2), keras.optimizers.RMSprop(1e-3)),
            objective=objectives.PopulationKL(momentum=0.5),
            adversarial_weight=LinearWarmUp(20, 2.0),
            fakes="reconstructions",
            feature_layer="features",
            compiled={"jit_compile": True},
        )

    vae = made()
    vae.fit(x, batch_size=16, epochs=2, shuffle=False, verbose=0)
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert type(loaded) is tfvae.AdversarialVAE
    assert isinstance(loaded.discriminator_optimizer, keras.optimizers.RMSprop)
    assert int(loaded.discriminator_optimizer.iterations) == int(loaded.optimizer.iterations) == 8
    for vae_ in (vae, loaded):
        vae_.fit(x, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(vae.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_a_resumed_training_ends_where_an_unbroken_one_does(x, tmp_path):
    def made():
        return adversarial(
            "sample", fakes="both", optimizers=(keras.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2))
        )

    class Killed(keras.callbacks.Callback):
        kills = True

        def on_epoch_end(self, epoch, logs=None):
            if Killed.kills and epoch == 2:
                Killed.kills = False
                raise KeyboardInterrupt

    ends = []
    for name in ("unbroken", "killed"):
        folder = tmp_path / name
        run = RunDirectory.create(folder, CONFIG)
        arguments = {"seed": 0, "epochs": 5, "batch_size": 16, "verbose": 0, "checkpoint_seconds": 0.0}
        arguments["callbacks"] = [Killed()]
        Killed.kills = name == "killed"
        if name == "killed":
            with pytest.raises(KeyboardInterrupt):
                runs.fit_in_run(run, made, x, **arguments)
            run = RunDirectory.create(folder, CONFIG, resume=True)
        model, _ = runs.fit_in_run(run, made, x, **arguments)
        ends.append([*model.get_weights(), *(v.numpy() for v in model.discriminator_optimizer.variables)])
    for a, b in zip(*ends, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_data_sets_weights_and_eager_steps(x):
    weights = np.ones(len(x), "float32")
    results = []
    data = tf.data.Dataset.from_tensor_slices((x, x, weights)).batch(16)
    for arguments, compiled in (
        ({"x": x, "sample_weight": weights, "batch_size": 16}, {}),
        ({"x": data}, {}),
        ({"x": x, "batch_size": 16}, {"run_eagerly": True}),
    ):
        vae = adversarial(compiled=compiled)
        vae.fit(**arguments, epochs=2, shuffle=False, verbose=0)
        results.append(vae.get_weights())
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_features_of_a_convolution_from_a_data_set_of_unknown_batches():
    images = np.random.default_rng(0).random((24, 8, 8, 3)).astype("float32")
    vae = tfvae.make_vae_gan((8, 8, 3), 4, (8, 8))
    data = tf.data.Dataset.from_tensor_slices(images).batch(10)
    assert data.element_spec.shape[0] is None
    assert np.isfinite(vae.fit(data, verbose=0).history["loss"]).all()


def test_half_precision(x, tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    vae = adversarial("sample", fakes="both", feature_layer="features")
    assert all(isinstance(o, keras.optimizers.LossScaleOptimizer) for o in (vae.optimizer, vae.discriminator_optimizer))
    history = vae.fit(x, batch_size=16, epochs=3, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert isinstance(loaded.discriminator_optimizer.inner_optimizer, keras.optimizers.SGD)


def test_half_precision_is_kept_by_a_file(x, tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    vae = adversarial(
        "sample", optimizers=(keras.optimizers.Adam(), keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()))
    )
    assert isinstance(vae.discriminator_optimizer.inner_optimizer, keras.optimizers.Adam)  # scaled once
    vae.fit(x, batch_size=16, verbose=0)
    vae.save(tmp_path / "m.keras")
    keras.config.set_dtype_policy("float32")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.dtype_policy.name == "mixed_float16"
    assert isinstance(loaded.optimizer, keras.optimizers.LossScaleOptimizer)
    assert int(loaded.discriminator_optimizer.iterations) == int(vae.discriminator_optimizer.iterations) > 0


@pytest.mark.parametrize("convert", ["mode", "sample"])
def test_the_adversary_reaches_a_decoder_whose_value_has_no_gradient(convert):
    vae = tfvae.make_convolutional_vae(
        (8, 8, 1), 2, (4,), likelihood=layers.IndependentDiscretizedLogistic((8, 8, 1), convert, name="likelihood")
    )
    gan = tfvae.AdversarialVAE(vae.encoder, vae.decoder, tfvae.networks.convolutional_discriminator((8, 8, 1), (4,)))
    gan.compile("sgd", keras.optimizers.SGD())
    images = tf.constant(np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32"))
    with tf.GradientTape() as tape:
        adversarial_loss = gan._play((images,), training=True).adversarial
    gradients = tape.gradient(adversarial_loss, gan.decoder.trainable_variables)
    assert any(g is not None and np.abs(g).max() > 0 for g in gradients)


def test_what_the_game_cannot_use_is_refused(x):
    with pytest.raises(ValueError, match="reads no `metrics`"):
        adversarial(compiled={"metrics": ["mae"]})
    with pytest.raises(ValueError, match="one reconstruction of each x"):
        adversarial("sample", feature_layer="features", objective=objectives.IWAE(3)).fit(x, verbose=0)


def test_two_replicas_take_the_step_of_one(x):
    devices = ["CPU:0", "CPU:1"]
    with tf.distribute.MirroredStrategy(devices, cross_device_ops=tf.distribute.ReductionToOneDevice()).scope():
        two = adversarial()
    one = adversarial()
    for vae in (one, two):
        vae.fit(x, batch_size=64, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("player", ["model", "discriminator"])
def test_a_loss_that_is_no_number_stops_and_names_the_player(x, player, tmp_path):
    vae = adversarial("sample", adversarial_weight=0.0)
    run = RunDirectory.create(tmp_path / "run", CONFIG)

    def broken_fit(epoch_of_death):
        class Poison(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == epoch_of_death:
                    part = self.model.decoder if player == "model" else self.model.discriminator
                    part.set_weights([np.full_like(w, np.nan) for w in part.get_weights()])

        return runs.fit_in_run(run, lambda: vae, x, seed=0, epochs=5, batch_size=16, callbacks=[Poison()], verbose=0,
                               checkpoint_seconds=0.0)  # fmt: skip

    with pytest.raises(ValueError, match=f"The loss of the {player} is not a number in epoch 3, at step 9 of"):
        broken_fit(2)
    kept = sorted((tmp_path / "run").rglob("epoch-*"))
    assert [folder.name for folder in kept] == ["epoch-000002"]
    good = keras.models.load_model(kept[0] / "model.keras")
    assert all(np.isfinite(w).all() for w in good.get_weights())


def test_a_discriminator_that_has_won_is_said(x):
    far = adversarial(
        discriminator=keras.Sequential([keras.Input((3,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(1)]),
        optimizers=(keras.optimizers.SGD(0.0), keras.optimizers.Adam(0.05)),
    )
    with pytest.warns(UserWarning, match=r"The discriminator has won: its loss is 0\.0\d+ nats in epoch \d+"):
        far.fit(np.abs(x) + 20.0, batch_size=16, epochs=60, verbose=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: adversarial().compile("adam"), "give `compile` a `discriminator_optimizer` too"),
        (lambda: adversarial(optimizers=(keras.optimizers.SGD(),) * 2), "must be another instance than `optimizer`"),
        (lambda: adversarial(discriminator=dense_discriminator(trainable=False)), "has no trainable weights"),
        (
            lambda: adversarial(discriminator=keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])),
            r"gives x of shape \(3,\), but the discriminator takes \(4,\)",
        ),
        (lambda: adversarial(fakes="all"), "`fakes` must be one of reconstructions, draws, both"),
        (lambda: adversarial(feature_layer="fifth"), "has no layer 'fifth' to take features from"),
        (lambda: adversarial(adversary_trains="encoder"), "`adversary_trains` must be one of model, decoder"),
        (lambda: adversarial(adversarial_weight=-1), "`adversarial_weight` must be at least 0"),
    ],
)
def test_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
