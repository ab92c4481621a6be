"""What every prior keeps, over the class tree, and what is each one's own."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae import divergences, objectives, priors
from tfvae.distributions import as_diagonal_mixture

tfd = tfp.distributions
X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")


def started(prior):
    prior.start_at(X[:, :2] @ np.float32([[1.0, 0.7], [0.0, 0.5]]) + 0.5)
    return prior


MAKERS = {
    "StandardNormal": lambda: priors.StandardNormal(2),
    "IsotropicNormal": lambda: priors.IsotropicNormal(2, 0.7),
    "StandardLaplace": lambda: priors.StandardLaplace(2),
    "MixturePrior": lambda: priors.MixturePrior(2, 4, seed=1),
    "VampPrior": lambda: priors.VampPrior(2, 4, 3, bounds=None, mean=0.0, spread=1.0, seed=1),
    "ExemplarPrior": lambda: priors.ExemplarPrior(2, 40, 3, num_neighbors=40),
    "FlowPrior": lambda: priors.FlowPrior(2, 2, (16,), seed=1),
    "FullMixturePrior": lambda: started(priors.FullMixturePrior(2, 3)),
    "RescaledPrior": lambda: started(priors.RescaledPrior(priors.MixturePrior(2, 4, seed=1))),
}
FIXED = ("StandardNormal", "IsotropicNormal", "StandardLaplace", "FullMixturePrior")  # in training
over_priors = pytest.mark.parametrize("name", MAKERS)


def vae_with(prior, seed=0, objective=None):
    keras.utils.set_random_seed(seed)
    vae = tfvae.make_dense_vae(3, 2, (8,), prior=prior, objective=objective)
    if isinstance(prior, priors.EncodedPrior):
        prior.start_at(X[: prior.num_components] if isinstance(prior, priors.ExemplarPrior) else X)
    return vae


def test_every_prior_is_here():
    abstract = {priors.Prior, priors.EncodedPrior}
    concrete = {
        c
        for c in (getattr(priors, name) for name in priors.__all__)
        if isinstance(c, type) and issubclass(c, priors.Prior)
    } - abstract
    elsewhere = {"UniformPrior", "PoissonPrior", "UniformCategory"}  # tests/models: they are not for any posterior
    assert {c.__name__ for c in concrete} == set(MAKERS) | elsewhere


@over_priors
def test_density_integrates_to_one_and_draws_follow_it(name):
    vae = vae_with(MAKERS[name]())
    if name == "FlowPrior":  # it starts as N(0, I): moved away, so that there is something to test
        rng = np.random.default_rng(3)
        for v in vae.prior.trainable_variables:
            v.assign_add(0.1 * rng.normal(size=v.shape))
    ticks = np.linspace(-12, 12, 401)
    grid = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), -1).reshape(-1, 2).astype("float32")
    cell = (ticks[1] - ticks[0]) ** 2
    p = np.exp(vae.prior.log_prob(grid).numpy().astype("float64")) * cell
    assert p.sum() == pytest.approx(1, abs=5e-3)
    draws = vae.prior.sample(20_000, seed=(0, 1)).numpy()
    mean, second = p @ grid / p.sum(), p @ grid**2 / p.sum()
    for value, expected in ((draws, mean), (draws**2, second)):  # 5 standard errors of a mean
        error = value.std(axis=0) / np.sqrt(len(draws))
        assert np.all(np.abs(value.mean(axis=0) - expected) < 5 * error + 5e-3)


@over_priors
def test_trains_and_is_saved_with_its_model(name, tmp_path):
    vae = vae_with(MAKERS[name]())
    z = tf.constant(np.random.default_rng(1).normal(size=(6, 2)), tf.float32)
    before = vae.prior.log_prob(z).numpy()
    vae.fit(X, epochs=3, batch_size=10, verbose=0)
    after = vae.prior.log_prob(z).numpy()
    assert (name in FIXED) == np.array_equal(before, after)
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded.prior.log_prob(z), after, rtol=1e-5)
    np.testing.assert_allclose(loaded.prior.sample(5, seed=(1, 2)), vae.prior.sample(5, seed=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(loaded.log_likelihood(X, 20).mean, vae.log_likelihood(X, 20).mean, rtol=1e-5)
    assert loaded.sample(7, seed=0).shape == (7, 3)
    loaded.fit(X, epochs=1, batch_size=10, verbose=0)
    assert len(loaded.trainable_variables) == len(vae.trainable_variables)


WEIGHTED = {
    "IWAE": lambda: objectives.IWAE(3),
    "DReG": lambda: objectives.DReG(3),
    "PIWAE": lambda: objectives.PIWAE(2, 2),
}


@pytest.mark.parametrize(
    ("name", "objective"),
    [
        pytest.param(name, objective, marks=[pytest.mark.slow] * (objective != "DReG" and name != "MixturePrior"))
        for name in MAKERS
        for objective in WEIGHTED
    ],
)
def test_trains_by_importance_weights(name, objective):
    vae = vae_with(MAKERS[name](), objective=WEIGHTED[objective]())
    vae.compile(keras.optimizers.Adam(1e-2))
    before = [v.numpy() for v in vae.prior.trainable_variables]
    history = vae.fit(X, epochs=20, batch_size=20, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert history[-1] < history[0]
    after = [v.numpy() for v in vae.prior.trainable_variables]
    assert all(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_variational_kl_is_that_of_the_saved_model(tmp_path):
    keras.utils.set_random_seed(0)
    objective = objectives.ELBO(kl=divergences.VariationalKL())
    vae = tfvae.make_dense_vae(3, 2, (8,), prior=priors.MixturePrior(2, 4, seed=1), objective=objective)
    vae.fit(X, epochs=2, batch_size=10, verbose=0)
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    kl = [m.objective.kl(m.encode(X).distribution, m.prior.distribution()).numpy() for m in (vae, loaded)]
    np.testing.assert_array_equal(*kl)


@over_priors
def test_serves_restarts(name):
    encoder, decoder, prior = parts_of(vae_with(MAKERS[name]()))
    restarts = tfvae.Restarts(encoder, decoder, prior, num_restarts=2)
    restarts.compile("adam")
    restarts.fit(X, epochs=2, batch_size=20, verbose=0)
    assert np.isfinite(restarts.prior.log_prob(np.zeros((1, 2), "float32"))).all()


def parts_of(vae):
    return vae.encoder, vae.decoder, vae.prior


def test_a_prior_that_does_not_fit_the_encoder_is_refused():
    with pytest.raises(ValueError, match=r"prior is over z of shape \(3,\), but the encoder gives z of shape"):
        tfvae.make_dense_vae(3, 2, (8,), prior=priors.MixturePrior(3, 4))
    with pytest.raises(ValueError, match=r"prior is over z of shape \(2,\), but the encoder gives z of shape \(3, 2\)"):
        tfvae.make_dense_vae(
            3, 2, (8,), posterior=tfvae.layers.IndependentNormal((3, 2)), prior=priors.MixturePrior(2, 4)
        )
    with pytest.raises(ValueError, match=r"VampPrior holds points of shape \(5,\), but the encoder takes \(3,\)"):
        tfvae.make_dense_vae(3, 2, (8,), prior=priors.VampPrior(2, 4, 5))
    with pytest.raises(ValueError, match="VampPrior belongs to a model"):
        priors.VampPrior(2, 4, 5).distribution()
    posterior = tfvae.layers.MixtureNormal(2, 2)
    with pytest.raises(ValueError, match="posteriors of independent normals, but got OnDemandMixture"):
        tfvae.make_dense_vae(3, 2, (8,), posterior=posterior, prior=priors.VampPrior(2, 4, 3)).prior.distribution()


@pytest.mark.parametrize("make", [lambda: priors.MixturePrior(2, 0), lambda: priors.VampPrior(2, -1, 3)])
def test_fewer_than_one_component_is_refused(make):
    with pytest.raises(ValueError, match="`num_components` must be at least 1"):
        make()


class NaNs(priors.Components):
    def __call__(self, num_components, dimension, rng):
        return np.full((2, num_components, dimension), np.nan)


def test_wrong_arguments_are_said():
    for make, message in (
        (lambda: priors.ExemplarPrior(2, 1, 3), "num_exemplars >= 2"),
        (lambda: priors.FlowPrior(1), "D >= 2"),
        (lambda: priors.FlowPrior(4, 2.5), "`num_couplings` must be a whole number, but got 2.5"),
        (lambda: priors.FlowPrior(3, 1), "`num_couplings` must be at least 2"),
        (lambda: priors.MixturePrior(0, 3), "D >= 1"),
        (lambda: priors.MixturePrior(3, 3).start_at(X, spread=-1), "`spread` must be above 0"),
        (lambda: priors.VampPrior(2, 3, 3).start_at(X, spread=-1), "`spread` must be at least 0"),
        (lambda: priors.VampPrior(2, 4), "needs the `input_shape`"),
        (lambda: priors.VampPrior(2, 4, 3, bounds=(1, 0)), "low < high"),
        (lambda: priors.RandomComponents(1.0, 0.0), "`scale` must be above 0"),
        (lambda: priors.VampPrior(2, 4, 3, spread=-1), "`spread` must be at least 0"),
        (lambda: priors.ExemplarPrior(2, 5, 3, scored_neighbors=-3), "`scored_neighbors` must be at least 1"),
        (lambda: priors.MixturePrior(2, 2.7), "`num_components` must be a whole number, but got 2.7"),
        (lambda: priors.MixturePrior(2, None), "`num_components` must be a whole number"),
        (lambda: priors.MixturePrior(2, 3, initializer="kmeans"), "must be a `tfvae.priors.Components`"),
        (lambda: priors.MixturePrior(2, 3, initializer=NaNs()), "means or scales that are NaN"),
        (lambda: priors.MixturePrior(2, 3).start_at(X), r"from points of shape \(2,\), but got \(3,\)"),
        (lambda: priors.VampPrior(2, 3, 4).start_at(X), r"from points of shape \(4,\), but got \(3,\)"),
        (lambda: tfvae.make_dense_vae(3, 2, (8,), prior="mixture:5"), "`prior` must be a tfvae.priors.Prior"),
        (lambda: tfvae.make_dense_vae(3, 2, (8,), objective="iwae"), "`objective` a tfvae.objectives.Objective"),
    ):
        with pytest.raises(ValueError, match=message):
            make()


@pytest.mark.parametrize("name", ["MixturePrior", "VampPrior"])
def test_one_component_and_one_dimension(name):
    """K = 1 is a Gaussian prior, exact against a normal; D = 1 goes the same ways."""
    make = {"MixturePrior": lambda d: priors.MixturePrior(d, 1), "VampPrior": lambda d: priors.VampPrior(d, 1, 3)}[name]
    for d in (1, 2):
        vae = tfvae.make_dense_vae(3, d, (8,), prior=make(d))
        p = vae.prior.distribution()
        z = vae.prior.sample(6, seed=(0, 1))
        np.testing.assert_allclose(
            vae.prior.log_prob(z), tfd.MultivariateNormalDiag(p.loc[0], p.scale[0]).log_prob(z), rtol=1e-4
        )
        vae.fit(X, epochs=1, verbose=0)
        assert np.isfinite(vae.log_likelihood(X, 10).mean)


def test_restarts_keep_a_start_on_data():
    encoder, decoder, prior = parts_of(vae_with(priors.MixturePrior(2, 3)))
    prior.start_at(np.random.default_rng(0).normal(7, 1, (50, 2)))
    restarts = tfvae.Restarts(encoder, decoder, prior, num_restarts=2)
    for candidate in restarts.candidates:
        np.testing.assert_array_equal(candidate.prior.loc, prior.loc)
    restarts.compile("adam")
    tfvae.initialize_prior(restarts, X)
    locs = [candidate.prior.loc.numpy() for candidate in restarts.candidates]
    assert all(np.abs(loc).max() < 5 for loc in locs)
    assert not np.array_equal(*locs)


def test_inputs_and_not_targets_are_told_from_the_exemplars():
    prior = priors.ExemplarPrior(2, 40, 3, num_neighbors=5)
    likelihood = tfvae.layers.IndependentNormal(2)
    vae = tfvae.make_dense_vae(3, 2, (8,), prior=prior)
    decoder = tfvae.networks.distribution_network(2, (8,), likelihood, "decoder")
    vae = tfvae.VAE(vae.encoder, decoder, prior)
    vae.compile("adam")
    prior.start_at(X)
    vae.fit(X, X[:, :2], epochs=1, verbose=0)


# Mixture.


def test_initializers_are_those_of_their_sources():
    document = priors.MixturePrior(10, 1000, False, priors.UniformComponents(), epsilon=0, seed=0).distribution()
    log_variance = 2 * np.log(document.scale)
    for values in (document.loc.numpy(), log_variance):
        assert np.abs(values).max() <= 1.0001
        assert values.std() == pytest.approx(1 / np.sqrt(3), rel=0.02)
    narrow = priors.MixturePrior(10, 500, False, priors.NarrowComponents(), epsilon=0, seed=0).distribution()
    assert narrow.loc.numpy().std() == pytest.approx(1 / np.sqrt(5000), rel=0.05)
    np.testing.assert_allclose(narrow.scale**2, np.log(2), atol=0.05)
    np.testing.assert_allclose(document.weights, 1e-3, rtol=1e-5)
    assert not priors.MixturePrior(2, 3, False).logits.trainable


@pytest.mark.parametrize("d", [1, 2, 3, 16, 64])
def test_by_default_components_start_where_codes_are(d):
    """log p(z) at z ~ N(0, I), near which q starts, is that of N(0, I) itself to 0.3 nats (3000 draws, seeded)."""
    prior = priors.MixturePrior(d, 500, seed=0)
    z = tf.random.stateless_normal((3000, d), (0, 1))
    normal = -0.5 * d * np.log(2 * np.pi * np.e)
    assert float(tf.reduce_mean(prior.log_prob(z))) > normal - 0.3
    use = prior.distribution().responsibilities(z).numpy().mean(axis=0)
    assert np.exp(-np.sum(use * np.log(use + 1e-12))) > 400


def test_a_mixture_starts_at_the_clusters_of_points():
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [8, 0], [0, 8.0]])
    z = np.concatenate([c + 0.3 * rng.normal(size=(n, 2)) for c, n in zip(centres, (100, 200, 700), strict=True)])
    prior = priors.MixturePrior(2, 3)
    prior.start_at(z)
    p = prior.distribution()
    order = [int(np.linalg.norm(p.loc - c, axis=1).argmin()) for c in centres]
    np.testing.assert_allclose(p.loc.numpy()[order], centres, atol=0.1)
    np.testing.assert_allclose(p.weights.numpy()[order], [0.1, 0.2, 0.7], atol=0.01)
    assert np.all((p.scale.numpy() > 0.2) & (p.scale.numpy() < 0.8))
    with pytest.raises(ValueError, match="starts 3 components from data, but got only 2 points"):
        prior.start_at(z[:2])
    with pytest.raises(ValueError, match="NaN or infinite"):
        prior.start_at(np.where(z > 8, np.nan, z))


def test_initialize_prior_takes_what_the_prior_holds():
    vae = vae_with(priors.MixturePrior(2, 4))
    tfvae.initialize_prior(vae, X)
    q, p = vae.encode(X).distribution, vae.prior.distribution()
    aggregate = np.sqrt(np.var(q.mean(), axis=0) + np.mean(q.variance(), axis=0))
    np.testing.assert_allclose(p.stddev(), aggregate, rtol=0.25)  # the codes' spread, and not only that of their means
    np.testing.assert_allclose(p.mean(), np.mean(q.mean(), axis=0), atol=0.25 * aggregate.max())
    with pytest.raises(ValueError, match=r"within \(0.0, 1.0\), but the data go from"):
        tfvae.initialize_prior(vae_with(priors.VampPrior(2, 4, 3)), X)
    vamp = vae_with(priors.VampPrior(2, 4, 3, bounds=None))
    tfvae.initialize_prior(vamp, X)
    with pytest.raises(ValueError, match="`x` has NaN"):
        tfvae.initialize_prior(vae, X * np.nan)
    with pytest.raises(ValueError, match="StandardNormal does not start from data"):
        tfvae.initialize_prior(vae_with(None), X)


# VampPrior.


def test_vamp_prior_is_the_mixture_of_its_pseudo_inputs_posteriors():
    vae = vae_with(MAKERS["VampPrior"]())
    q = vae.encode(vae.prior.pseudo_inputs.numpy()).distribution
    oracle = tfd.MixtureSameFamily(tfd.Categorical(tf.zeros(4)), q)
    z = np.random.default_rng(2).normal(size=(9, 2)).astype("float32")
    np.testing.assert_allclose(vae.prior.log_prob(z), oracle.log_prob(z), rtol=1e-4)
    draws = vae.prior.sample(4000, seed=(0, 0)).numpy()  # all pseudo-inputs, not the first few
    share = vae.prior.distribution().responsibilities(draws).numpy().mean(axis=0)
    np.testing.assert_allclose(share, 0.25, atol=0.04)


def test_pseudo_inputs_stay_within_their_bounds():
    prior = priors.VampPrior(2, 6, 3, seed=0)
    vae = tfvae.make_dense_vae(3, 2, (8,), prior=prior, optimizer=keras.optimizers.Adam(0.5))
    vae.fit(np.clip(X, 0, 1), epochs=5, batch_size=10, verbose=0)
    u = prior.pseudo_inputs.numpy()
    assert u.min() >= 0
    assert u.max() <= 1
    assert u.std() > 0.05  # they have moved


# ExemplarPrior.


def exemplar_vae(n=12, k=12, copies=0):
    prior = priors.ExemplarPrior(2, n, 3, num_neighbors=k)
    vae = vae_with(prior)
    points = X[:n].copy()
    points[n - copies :] = points[0]
    prior.start_at(points)
    return vae, points


def leave_one_out(vae, points, z, i):
    """log of the mean over all other examples of N(z; μ(x_n), σ² I), one copy of x_i left out: by brute force."""
    means = vae.encode(np.delete(points, i, axis=0)).mean()
    return tf.reduce_logsumexp(tfd.MultivariateNormalDiag(means, vae.prior.scale * tf.ones([2])).log_prob(z)) - np.log(
        len(points) - 1
    )


RUNS = {"eager": lambda f: f, "graph": tf.function, "XLA": functools.partial(tf.function, jit_compile=True)}


@pytest.mark.parametrize("how", RUNS)
@pytest.mark.parametrize("copies", [0, 3])
def test_an_example_is_left_out_of_its_own_prior_once(copies, how):
    """As a graph too, which may divide by approximate reciprocals; near a component so narrow that a weight of 6e-8 shows."""
    vae, points = exemplar_vae(copies=copies)
    vae.prior.log_scale.assign(-4.0)
    q = vae.encode(points).distribution
    z = q.mean() + 0.01 * q.sample(seed=1)
    ours = RUNS[how](lambda x: vae.prior.near(vae.encode(x).distribution, x).log_prob(z))(tf.constant(points))
    expected = [leave_one_out(vae, points, z[i], i) for i in range(len(points))]
    np.testing.assert_allclose(ours, expected, rtol=1e-4)
    np.testing.assert_allclose(vae.prior.near(q).log_prob(z), vae.prior.log_prob(z), rtol=1e-4)  # not so in scoring


def test_retrieval_is_a_lower_bound_within_its_gap():
    vae, points = exemplar_vae(40, 5)
    q = vae.encode(points).distribution
    vae.prior.log_scale.assign(-1.5)
    z = q.sample(seed=3)
    exact = vae.prior.log_prob(z).numpy()
    near, gap = vae.prior.near(q).log_prob(z).numpy(), vae.prior.retrieval_gap(q, z).numpy()
    assert np.all(near <= exact + 1e-5)
    assert np.all(exact <= near + gap + 1e-5)
    assert np.any(exact > near + 1e-3)


def test_gradient_through_one_drawn_component_is_unbiased():
    """Mean over 4000 draws within 5 standard errors of the gradient of the exact sum, of which all means are live."""
    vae, points = exemplar_vae(6, 6)
    z = tf.constant([[0.3, -0.2]])
    kernel = vae.encoder.layers[0].kernel.value
    fixed = tfd.Independent(tfd.Normal(vae.encode(points[:1]).mean(), 1.0), 1)
    with tf.GradientTape() as tape:
        means = vae.encoder(tf.constant(points), training=False).distribution.mean()[1:]
        exact = tf.reduce_logsumexp(tfd.MultivariateNormalDiag(means, vae.prior.scale * tf.ones([2])).log_prob(z[0]))
    exact = tape.gradient(exact, kernel).numpy()

    @tf.function
    def drawn():
        with tf.GradientTape() as tape:
            value = vae.prior.near(fixed, tf.constant(points[:1])).log_prob(z)
        return tape.gradient(value, kernel)

    draws = np.stack([drawn().numpy() for _ in range(4000)])
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert np.all(np.abs(draws.mean(axis=0) - exact) < 5 * error + 1e-5)
    assert np.abs(exact).max() > 0.01


def test_examples_are_taken_as_they_are():
    prior = priors.ExemplarPrior(2, 4, 3, binary=True)
    with pytest.raises(ValueError, match="leave `binary` out"):
        prior.start_at(X[:4])
    with pytest.raises(ValueError, match=r"starts from points of shape \(3,\), but got \(2,\)"):
        prior.start_at(np.ones((5, 2)))
    early = priors.ExemplarPrior(2, 4, 3)
    early.start_at(np.zeros((4, 3)))  # before it belongs to a model, and all of them zero
    vae = tfvae.make_dense_vae(3, 2, (8,), prior=early)
    np.testing.assert_allclose(early.codes, vae.encode(np.zeros((4, 3), "float32")).mean(), rtol=1e-5)
    chosen = priors.ExemplarPrior(2, 4, 3)
    chosen.start_at(X, seed=1)
    assert len({tuple(row) for row in chosen.exemplars.numpy()} & {tuple(row) for row in X}) == 4
    with pytest.raises(ValueError, match="ExemplarPrior has no examples yet"):
        tfvae.make_dense_vae(3, 2, (8,), prior=prior).fit(X, verbose=0)
    with pytest.raises(ValueError, match="starts 4 components from data, but got only 3"):
        prior.start_at(np.ones((3, 3)))


# FlowPrior.


def test_a_flow_starts_as_the_standard_normal():
    prior = priors.FlowPrior(5, seed=0)
    z = np.random.default_rng(0).normal(size=(7, 5)).astype("float32")
    np.testing.assert_allclose(prior.log_prob(z), priors.StandardNormal(5).log_prob(z), rtol=1e-4)
    assert as_diagonal_mixture(prior.distribution()) is None


@pytest.mark.parametrize("num_couplings", [2, 3, 6])
@pytest.mark.parametrize("dimension", [2, 5, 40])
def test_a_flow_moves_every_coordinate(dimension, num_couplings):
    for seed in range(10):
        prior = priors.FlowPrior(dimension, num_couplings, (2,), seed=seed)
        for coupling in prior.couplings:
            coupling.layers[-1].bias.assign(np.repeat([1.0, 0.0], dimension - dimension // 2))  # shift by 1, scale by 1
        assert np.all(prior.distribution().bijector.inverse(tf.zeros([dimension])).numpy() <= -1)


def test_a_flow_is_kept_in_float32_and_with_its_orders():
    dtype_policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        prior = priors.FlowPrior(3, 2)
        assert prior.log_prob(np.zeros((1, 3), "float32")).dtype == tf.float32
    finally:
        keras.config.set_dtype_policy(dtype_policy)
    again = priors.FlowPrior.from_config(prior.get_config())
    assert again.orders == prior.orders
