"""The KL enters the loss exactly once, and what it trains is seen by Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import layers, priors
from tfvae.objectives import NegativeLogProb

tfd, tfb = tfp.distributions, tfp.bijectors


def standard_normal():
    return tfd.Independent(tfd.Normal(tf.zeros(2), 1.0), 1)


def encoder_with(regularizer=None, after=(), convert=tfd.Distribution.sample, size=3):
    return keras.Sequential(
        [
            keras.Input((size,)),
            keras.layers.Dense(4),
            layers.IndependentNormal(2, convert, activity_regularizer=regularizer),
            *after,
        ]
    )


ROUTES = {
    "regularizer": lambda prior, **k: encoder_with(layers.KLDivergenceRegularizer(prior, **k)),
    "add_loss": lambda prior, **k: encoder_with(after=[layers.KLDivergenceAddLoss(prior, **k)]),
}
over_routes = pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)


def mean_kl(rv):
    return tf.reduce_mean(tfd.kl_divergence(rv, standard_normal()))


@over_routes
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_exactly_once_as_the_batch_mean_times_the_weight(route, batch, x):
    encoder = route(standard_normal(), use_exact_kl=True, weight=0.5)
    rv = encoder(x[:batch])
    assert len(encoder.losses) == 1
    np.testing.assert_allclose(encoder.losses[0], 0.5 * mean_kl(rv), rtol=1e-5)


@over_routes
def test_monte_carlo_is_at_the_layers_own_value(route, x):
    encoder = route(standard_normal())
    rv = encoder(x)
    expected = tf.reduce_mean(rv.log_prob(rv.value) - standard_normal().log_prob(rv.value))
    np.testing.assert_allclose(encoder.losses[0], expected, rtol=1e-5)


@pytest.mark.parametrize("axis", [(), None, 0])
@pytest.mark.parametrize("exact", [True, False])
def test_once_with_several_leading_draws(axis, exact, x):
    def five(d):
        return d.sample(5, seed=tf.constant([1, 2]))

    for make in (
        lambda r: encoder_with(layers.KLDivergenceRegularizer(**r), convert=five),
        lambda r: encoder_with(after=[layers.KLDivergenceAddLoss(**r)], convert=five),
    ):
        encoder = make({"distribution_b": standard_normal(), "use_exact_kl": exact, "test_points_reduce_axis": axis})
        rv = encoder(x)
        sampled = tf.reduce_mean(rv.log_prob(rv.value) - standard_normal().log_prob(rv.value))
        np.testing.assert_allclose(encoder.losses[0], mean_kl(rv) if exact else sampled, rtol=1e-5)


@over_routes
def test_once_for_an_encoder_inside_another_model_and_in_fit(route, x):
    encoder = route(standard_normal(), use_exact_kl=True)
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3), layers.IndependentNormal(3, "mean", scale=1.0)]
    )
    net = keras.Model(encoder.inputs, decoder(encoder.outputs[0]))
    outer_input = keras.Input((3,))
    outer = keras.Model(outer_input, net(outer_input))
    rv = outer(x)
    assert len(outer.losses) == 1
    np.testing.assert_allclose(outer.losses[0], mean_kl(encoder(x)), rtol=1e-5)
    outer.compile("adam", NegativeLogProb())
    total = outer.evaluate(x, x, batch_size=64, verbose=0)
    z_noise = abs(float(tf.reduce_mean(rv.log_prob(x)))) + 5
    assert mean_kl(encoder(x)) < total < z_noise + 10
    outer.fit(x, x, epochs=1, verbose=0)


def trainable_normal():
    loc = tf.Variable(tf.zeros(2), name="prior_loc")
    scale = tfp.util.TransformedVariable(tf.ones(2), tfb.Softplus(), name="prior_scale")
    return tfd.Independent(tfd.Normal(loc, scale), 1)


@keras.saving.register_keras_serializable("tests")
def normal_at_three():
    return tfd.Independent(tfd.Normal(3 * tf.ones(2), 1.0), 1)


PRIORS = {
    "distribution": (standard_normal, 0, 0),
    "trainable distribution": (trainable_normal, 2, 2),
    "Prior": (lambda: priors.MixturePrior(2, 3), 3, 3),
    "callable": (lambda: normal_at_three, 0, 0),
    "model": (
        lambda: keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(4, bias_initializer="ones"), layers.IndependentNormal(2)]
        ),
        2,
        1,
    ),
    "nested bijector": (
        lambda: tfd.TransformedDistribution(
            tfd.Independent(tfd.Normal(tf.zeros(2), 1.0), 1), tfb.Chain([tfb.Shift(tf.ones(2)), tfb.Scale(2.0)])
        ),
        0,
        0,
    ),
}


@pytest.mark.parametrize(("make_prior", "num_weights", "num_trained"), PRIORS.values(), ids=PRIORS)
@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_every_kind_of_prior_trains_saves_and_loads(route, make_prior, num_weights, num_trained, x, tmp_path):
    encoder = route(make_prior())
    assert len(encoder.trainable_weights) == 2 + num_weights
    codes = np.ones((64, 2), "float32")
    encoder.compile("adam", NegativeLogProb())
    before = [w.numpy() for w in encoder.trainable_weights]
    encoder.fit(x, codes, epochs=2, verbose=0)
    changed = sum(np.any(w.numpy() != old) for w, old in zip(encoder.trainable_weights, before, strict=True))
    assert changed == 2 + num_trained  # a model that ignores its input has a kernel that nothing moves
    encoder.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(encoder.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for model in (encoder, loaded):
        for layer in model._flatten_layers():
            if isinstance(layer, layers.DistributionLayer):
                layer.seed_generator.state.assign([1, 0])
        model(x)
    np.testing.assert_allclose(encoder.losses[0], loaded.losses[0], rtol=1e-6)
    loaded.fit(x, codes, epochs=1, verbose=0)
    clone = keras.models.clone_model(encoder)
    assert len(clone.trainable_weights) == len(encoder.trainable_weights)
    assert not {id(w) for w in clone.weights} & {id(w) for w in encoder.weights}


@pytest.mark.parametrize("weight", [
    lambda: tf.Variable(0.25, trainable=False), lambda: keras.Variable(0.25, trainable=False),
    lambda: tfp.util.TransformedVariable(0.25, tfb.Exp()),
], ids=["tf.Variable", "keras.Variable", "TransformedVariable"])  # fmt: skip
@over_routes
def test_a_variable_weight_counts_and_is_tracked(route, weight, x, tmp_path):
    variable = weight()
    encoder = route(standard_normal(), use_exact_kl=True, weight=variable)
    rv = encoder(x)
    np.testing.assert_allclose(encoder.losses[0], 0.25 * mean_kl(rv), rtol=1e-5)
    assert len(encoder.weights) == 2 + 1
    variable.assign(0.5)
    rv = encoder(x)
    np.testing.assert_allclose(encoder.losses[0], 0.5 * mean_kl(rv), rtol=1e-5)
    encoder.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    rv = loaded(x)
    np.testing.assert_allclose(loaded.losses[0], 0.5 * mean_kl(rv), rtol=1e-5)


def test_a_lambda_prior_works_and_is_refused_at_save(x, tmp_path):
    encoder = encoder_with(layers.KLDivergenceRegularizer(lambda: standard_normal()))
    encoder(x)
    with pytest.raises(ValueError, match="register_keras_serializable"):
        encoder.save(tmp_path / "model.keras")


def test_a_plain_tensor_is_refused_in_one_sentence(x):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), layers.KLDivergenceAddLoss(standard_normal())])
    with pytest.raises(TypeError, match="A KL term needs a distribution but got a plain tensor"):
        model(x)


def test_shared_prior_is_one_object_after_loading(x, tmp_path):
    prior = priors.MixturePrior(2, 3)
    inputs = keras.Input((3,))

    def posterior():
        regularizer = layers.KLDivergenceRegularizer(prior)
        return layers.IndependentNormal(2, activity_regularizer=regularizer)(keras.layers.Dense(4)(inputs))

    model = keras.Model(inputs, [posterior(), posterior()])
    assert len(model.trainable_weights) == 4 + 3
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert len(loaded.trainable_weights) == 4 + 3
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
