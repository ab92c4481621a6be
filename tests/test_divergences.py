"""KL estimators: their directions, closed forms, published values, and the memory that they do not take."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import divergences
from tfvae.distributions import DiagonalNormalMixture
from tfvae.objectives import ELBO

tfd = tfp.distributions
ESTIMATORS = [c for c in vars(divergences).values() if isinstance(c, type) and issubclass(c, divergences.KLEstimator)]
ESTIMATORS = [c for c in ESTIMATORS if hasattr(c, "direction")]


def gaussian(loc, variance):
    loc = tf.constant(loc, tf.float32)
    return tfd.Independent(tfd.Normal(loc, tf.sqrt(tf.constant(variance, tf.float32)) + 0 * loc), 1)


def case(k, d, seed, n=3, spread=2.0, narrow=1.0):
    """(q of batch n, p) with Dirichlet(1) weights."""
    rng = np.random.default_rng(seed)
    q = gaussian(rng.normal(size=(n, d)), narrow * rng.uniform(0.2, 1.5, size=(n, d)))
    logits = np.log(rng.dirichlet(np.ones(k))).astype("float32")
    loc = (spread * rng.normal(size=(k, d))).astype("float32")
    return q, DiagonalNormalMixture(logits, loc, np.sqrt(rng.uniform(0.2, 1.5, size=(k, d))).astype("float32"))


def test_every_estimator_declares_its_direction():
    assert {c.direction for c in ESTIMATORS} == {"unbiased", "upper", "lower"}
    assert len(ESTIMATORS) == 7


@pytest.mark.parametrize(("d", "k"), [(1, 2), (2, 10), (10, 50), (40, 20)])
@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_bounds_lie_as_they_say(d, k, spread):
    q, p = case(k, d, seed=d + k, spread=spread)
    draws = divergences.monte_carlo_kl(q, p, q.sample(20_000, seed=(0, 1))).numpy()
    truth, error = draws.mean(axis=0), draws.std(axis=0) / math.sqrt(len(draws))
    values = {c.__name__: c()(q, p, None).numpy() for c in ESTIMATORS if c.direction != "unbiased"}
    # 5 standard errors: by chance once in a million comparisons.
    assert np.all(values["ProductKL"] <= truth + 5 * error)
    assert np.all(truth - 5 * error <= values["VariationalKL"])
    assert np.all(values["VariationalKL"] <= values["MinKL"] + 1e-4)
    assert np.all(values["VariationalKL"] <= values["ConvexityKL"] + 1e-4)
    assert np.all(values["MinKL"] <= values["VariationalKL"] + math.log(k) + 1e-4)


def test_monte_carlo_forms_are_unbiased_for_the_same_number():
    q, p = case(10, 5, seed=3)
    z = q.sample(20_000, seed=(0, 2))
    joint = divergences.MonteCarloKL()(q, p, z).numpy()
    entropy = divergences.MonteCarloCrossEntropyKL()(q, p, z).numpy()
    difference = joint - entropy
    assert np.all(np.abs(difference.mean(axis=0)) < 5 * difference.std(axis=0) / math.sqrt(len(z)))


def test_monte_carlo_is_the_integral():
    """One dimension, where the KL is an integral on a grid; 5 standard errors: by chance once in a million."""
    q, p = case(6, 1, seed=4)
    grid = np.linspace(-30, 30, 200_001).astype("float32")[:, None, None]
    log_q, log_p = (np.asarray(d.log_prob(grid), "float64") for d in (q, p))
    exact = np.trapezoid(np.exp(log_q) * (log_q - log_p), grid[:, 0, 0].astype("float64"), axis=0)
    z = q.sample(40_000, seed=(0, 5))
    for estimator in (divergences.MonteCarloKL(), divergences.MonteCarloCrossEntropyKL()):
        draws = estimator(q, p, z).numpy()
        error = draws.std(axis=0) / math.sqrt(len(draws))
        assert np.all(np.abs(draws.mean(axis=0) - exact) < 5 * error + 1e-4)


def test_a_component_far_away_leaves_the_gradient_finite():
    mean, loc = (
        tf.Variable(np.zeros((1, 4), "float32")),
        tf.Variable(np.array([[0.0], [1e6], [1e15]]) * np.ones((3, 4))),
    )
    for estimator in (divergences.VariationalKL(), divergences.MonteCarloKL(), divergences.MinKL()):
        with tf.GradientTape() as tape:
            loc32 = tf.cast(loc, tf.float32)
            p = DiagonalNormalMixture(tf.zeros(3), loc32, tf.ones((3, 4)))
            value = estimator(tfd.Independent(tfd.Normal(mean, tf.ones((1, 4))), 1), p, tf.zeros((1, 4)))
        assert np.isfinite(value).all()
        assert all(np.isfinite(g).all() for g in tape.gradient(value, [mean, loc]))


def test_published_values():
    """The cases of Hershey and Olsen's kind whose values are known to three digits."""
    q = gaussian([[0.0]], [[1.0]])
    for variance, exact in ((0.1, 8.349), (0.5, 1.153)):
        p = DiagonalNormalMixture(np.zeros(2, "float32"), np.array([[1.0], [-1.0]], "float32"),
                                  np.full((2, 1), math.sqrt(variance), "float32"))  # fmt: skip
        assert float(divergences.VariationalKL()(q, p, None)[0]) == pytest.approx(exact, abs=2e-3)
    one = DiagonalNormalMixture(
        np.zeros(1, "float32"), np.zeros((1, 1), "float32"), np.full((1, 1), 0.1**0.5, "float32")
    )
    product = divergences.ProductKL()
    assert float(super(divergences.ProductKL, product).__call__(q, one, None)[0]) == pytest.approx(-0.45, abs=5e-3)
    assert product(q, one, None)[0] == 0  # a KL is not negative, so the bound may be raised to 0
    assert float(divergences.ExactKL()(q, gaussian([0.0], [0.1]))[0]) == pytest.approx(3.34, abs=1e-2)


@pytest.mark.parametrize("name", ["VariationalKL", "MinKL", "ConvexityKL"])
def test_one_component_gives_the_closed_form(name):
    q, p = case(1, 12, seed=0)
    exact = divergences.exact_kl(q, tfd.MultivariateNormalDiag(p.loc[0], p.scale[0]))
    np.testing.assert_allclose(getattr(divergences, name)()(q, p, None), exact, rtol=1e-4)
    np.testing.assert_allclose(divergences.ExactKL()(q, p), exact, rtol=1e-6)


def test_duplicated_components_change_nothing():
    q, p = case(6, 3, seed=1)
    twice = DiagonalNormalMixture(tf.tile(p.logits, [2]), tf.tile(p.loc, [2, 1]), tf.tile(p.scale, [2, 1]))
    for name in ("VariationalKL", "ConvexityKL", "ProductKL"):
        estimator = getattr(divergences, name)()
        np.testing.assert_allclose(estimator(q, p, None), estimator(q, twice, None), rtol=1e-5, atol=1e-5)


def test_a_component_without_weight_changes_nothing():
    q, p = case(4, 3, seed=2)
    more = DiagonalNormalMixture(tf.concat([p.logits, [-1e9]], 0), tf.concat([p.loc, [[50.0] * 3]], 0),
                                 tf.concat([p.scale, [[1.0] * 3]], 0))  # fmt: skip
    for name in ("VariationalKL", "MinKL", "ProductKL"):
        estimator = getattr(divergences, name)()
        np.testing.assert_allclose(estimator(q, p, None), estimator(q, more, None), rtol=1e-5, atol=1e-5)


def test_gradient_of_the_variational_bound_is_the_soft_responsibility():
    q, p = case(5, 4, seed=4, n=1)
    mean = tf.Variable(q.mean())
    with tf.GradientTape(persistent=True) as tape:
        moved = tfd.Independent(tfd.Normal(mean, q.stddev()), 1)
        bound = divergences.VariationalKL()(moved, p, None)[0]
        each = [tfd.kl_divergence(moved.distribution, tfd.Normal(m, s)) for m, s in zip(p.loc, p.scale, strict=True)]
        kls = tf.stack([tf.reduce_sum(kl) for kl in each])
    share = tf.nn.softmax(tf.nn.log_softmax(p.logits) - kls)
    expected = tf.linalg.matvec(tape.jacobian(kls, mean)[:, 0], share, transpose_a=True)
    np.testing.assert_allclose(tape.gradient(bound, mean)[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shift", [0.0, 10.0])
def test_narrow_components_keep_their_digits(shift):
    """exp(−12) as variance and far means: in float32 the expanded square would be wrong by hundreds."""
    rng = np.random.default_rng(0)
    loc = (3 * rng.normal(size=(20, 40)) + shift).astype("float32")
    scale = np.full((20, 40), math.exp(-6), "float32")
    z = (loc[:5] + math.exp(-6) * rng.normal(size=(5, 40))).astype("float32")
    mixture = DiagonalNormalMixture(np.zeros(20, "float32"), loc, scale)
    squares = ((z[:, None].astype("float64") - loc) / scale.astype("float64")) ** 2
    joint = -0.5 * squares.sum(-1) - np.log(scale.astype("float64")).sum(-1) - 20 * np.log(2 * np.pi) - np.log(20)
    np.testing.assert_allclose(mixture.log_prob(z), np.logaddexp.reduce(joint, axis=1), rtol=1e-4)


@pytest.mark.parametrize("d", [4, 11])
@pytest.mark.parametrize("estimator", ESTIMATORS[1:], ids=lambda c: c.__name__)
def test_no_tensor_of_batch_times_components_times_dimensions(estimator, d):
    """Nor as many tensors (B, K) as dimensions, with the gradient's; the product bound is not for training."""
    b, k = 7, 31

    def value(mean, loc):
        p = DiagonalNormalMixture(tf.zeros(k), loc, tf.ones([k, d]))
        return estimator()(tfd.Independent(tfd.Normal(mean, tf.ones([b, d])), 1), p, mean)

    def with_gradient(mean, loc):
        with tf.GradientTape() as tape:
            tape.watch([mean, loc])
            kl = value(mean, loc)
        return tape.gradient(kl, [mean, loc])

    function = value if estimator is divergences.ProductKL else with_gradient
    specs = tf.TensorSpec([b, d]), tf.TensorSpec([k, d])
    graph = tf.function(function).get_concrete_function(*specs).graph
    functions = [graph, *(f.graph for f in graph._functions.values() if hasattr(f, "graph"))]
    outputs = [t for g in functions for op in g.get_operations() for t in op.outputs]
    assert max(t.shape.num_elements() or 0 for t in outputs if t.shape.is_fully_defined()) < b * k * d


def test_the_elbo_refuses_what_is_no_bound():
    with pytest.raises(ValueError, match="ProductKL is a lower bound of the KL"):
        ELBO(kl=divergences.ProductKL())
    with pytest.raises(TypeError, match="must be a `tfvae.divergences.KLEstimator`"):
        ELBO(kl="variational")
    elbo = ELBO(kl=divergences.VariationalKL())
    assert isinstance(ELBO.from_config(elbo.get_config()).kl, divergences.VariationalKL)


def test_what_an_estimator_is_not_for_is_said():
    q, p = case(2, 3, seed=0)
    with pytest.raises(ValueError, match="no closed form of the KL"):
        divergences.ExactKL()(q, p)
    with pytest.raises(ValueError, match="VariationalKL is for a posterior of independent normals"):
        divergences.VariationalKL()(p, p, None)
    with pytest.raises(ValueError, match="DiagonalNormalMixture has no entropy in closed form: choose MonteCarloKL"):
        divergences.MonteCarloCrossEntropyKL()(p, p, p.sample(3))
