"""Several modalities: gaps to the exact log p(x) of a linear Gaussian model, what is missing, and use as of any model."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import layers, objectives, priors

M, D, SIZES, NOISE = 3, 2, (4, 3, 5), 0.5
NAMES = ("a", "b", "c")


def truth(n, seed=0):
    """(weights W_m with orthonormal columns, x_m, z) of x_m = W_m z + e_m."""
    rng = np.random.default_rng(seed)
    weights = {k: np.linalg.qr(rng.uniform(-1, 1, (size, D)))[0] for k, size in zip(NAMES, SIZES, strict=True)}
    z = rng.normal(size=(n, D))
    x = {k: z @ w.T + math.sqrt(NOISE) * rng.normal(size=(n, len(w))) for k, w in weights.items()}
    return weights, {k: v.astype("float32") for k, v in x.items()}


def exact_log_p(weights, x, names=NAMES):
    """log p(x_S), by the closed form of orthonormal columns."""
    size, k = sum(len(weights[name]) for name in names), len(names)
    y = sum(x[name].astype("float64") @ weights[name] for name in names)
    squares = sum(np.square(x[name].astype("float64")).sum(axis=1) for name in names)
    quadratic = (squares - np.square(y).sum(axis=1) / (NOISE + k)) / NOISE
    return -0.5 * (size * math.log(2 * math.pi) + (size - D) * math.log(NOISE) + D * math.log(NOISE + k) + quadratic)


def dense(inputs, outputs, *more):
    return keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs), *more])


def exact_vae(weights, objective=None, variance=NOISE, prior_expert=True, aggregation=None):
    """A model whose decoders are the truth and whose experts are N(W_mᵀ x_m, variance): with the noise's, q is exact."""
    encoders = {k: dense(len(w), 2 * D) for k, w in weights.items()}
    decoders = {
        k: dense(D, len(w), layers.IndependentNormal(len(w), "mean", scale=math.sqrt(NOISE)))
        for k, w in weights.items()
    }
    vae = tfvae.MultimodalVAE(
        encoders, decoders, aggregation or layers.ProductOfExperts(D, M, prior_expert), objective=objective
    )
    for k, w in weights.items():
        encoders[k].layers[0].kernel.assign(np.concatenate([w, np.zeros_like(w)], axis=1))
        encoders[k].layers[0].bias.assign([0.0] * D + [math.log(variance)] * D)
        decoders[k].layers[0].kernel.assign(w.T)
    return vae


class Fixed(objectives.MaskedBound):
    """A masked bound whose subset is given."""

    subset = (True, False, False)

    def chosen(self, present):
        return present & tf.constant(self.subset)


class FixedMixture(objectives.MixtureBound):
    subset = (True, False, False)

    def chosen(self, present):
        return present & tf.constant(self.subset)


def mean_gap(vae, weights, x):
    """Of log p(x) over the objective, and five standard errors."""
    gap = vae.terms(x, training=True).loss.numpy() + exact_log_p(weights, x)
    return gap.mean(), 5 * gap.std() / math.sqrt(len(gap))


def test_the_exact_posterior_leaves_no_gap():
    weights, x = truth(20_000)
    vae = exact_vae(weights)
    gap, error = mean_gap(vae, weights, x)
    assert abs(gap) < error
    assert error < 0.1
    estimate = vae.log_likelihood({k: v[:50] for k, v in x.items()}, 200)
    np.testing.assert_allclose(estimate.log_likelihood, exact_log_p(weights, x)[:50], atol=1e-3)
    part = {"a": x["a"][:50], "c": x["c"][:50]}
    exact = exact_log_p(weights, x, ("a", "c"))[:50]
    np.testing.assert_allclose(vae.log_likelihood(part, 200).log_likelihood, exact, atol=1e-3)
    given = vae.log_likelihood(part, 200, given=("c",)).log_likelihood
    np.testing.assert_allclose(given, exact - exact_log_p(weights, x, ("c",))[:50], atol=2e-3)


@pytest.mark.parametrize(
    "subset", [(True, False, False), (True, True, False), (False, False, False), (True, True, True)]
)
def test_masked_and_mixture_bounds_have_their_closed_gaps(subset):
    weights, x = truth(20_000)
    k = sum(subset)
    masked, mixture = Fixed(), FixedMixture()
    masked.subset = mixture.subset = subset
    gap, error = mean_gap(exact_vae(weights, masked), weights, x)
    assert abs(gap) < error
    gap, error = mean_gap(exact_vae(weights, mixture), weights, x)
    expected = (D / 2) * (2 * (M - k) / (k + NOISE) - math.log((M + NOISE) / (k + NOISE)))
    assert abs(gap - expected) < error


class ScaledProduct(layers.ProductOfExperts):
    """A product whose variance is `factor` times the right one where a modality is missing."""

    factor = 4.0

    def call(self, features, present):
        mean, log_variance = tf.split(super().call(features, present), 2, axis=-1)
        part = tf.reduce_any(~present, axis=1, keepdims=True)
        return tf.concat([mean, log_variance + tf.where(part, math.log(self.factor), 0.0)], axis=-1)


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_the_masked_bound_is_largest_at_the_posterior(factor):
    weights, x = truth(20_000)
    aggregation = ScaledProduct(D, M)
    aggregation.factor = factor
    gap, error = mean_gap(exact_vae(weights, Fixed(), aggregation=aggregation), weights, x)
    assert abs(gap - (D / 2) * (factor + 1 / factor - 2)) < error


def test_products_of_posteriors_count_the_prior_otherwise():
    """Experts that are the unimodal posteriors, N(y/(1 + s), s/(1 + s)), with the prior and without."""
    weights, x = truth(20_000)
    y = sum(x[k] @ weights[k] for k in NAMES)
    exact = y / (M + NOISE), NOISE / (M + NOISE)
    for prior_expert in (True, False):
        vae = exact_vae(weights, prior_expert=prior_expert, variance=NOISE / (1 + NOISE))
        for k, w in weights.items():
            kernel = np.concatenate([w / (1 + NOISE), np.zeros_like(w)], axis=1)
            vae.encoders[k].layers[0].kernel.assign(kernel)
        precision = M * (1 + NOISE) / NOISE + prior_expert
        mean, variance = y / NOISE / precision, 1 / precision
        kl = 0.5 * ((variance + (mean - exact[0]) ** 2) / exact[1] - 1 + np.log(exact[1] / variance)).sum(axis=1)
        gap, error = mean_gap(vae, weights, x)
        assert abs(gap - kl.mean()) < error


def test_the_total_correlation_and_the_joint_objective_by_hand():
    weights, x = truth(50)
    vae = exact_vae(weights, objectives.TotalCorrelation(2.0, 0.5), prior_expert=False)
    q = vae.encode(x).distribution
    singles = [vae.encode({k: x[k]}).distribution for k in NAMES]
    apart = sum(tfvae.divergences.kl_divergence(q, single, q.sample()).numpy() for single in singles)
    kl = tfvae.divergences.kl_divergence(q, vae.prior.distribution(), q.sample()).numpy()
    terms = vae.terms(x, training=True)
    np.testing.assert_allclose(terms.metrics["kl"], 0.5 * kl + 0.5 / M * apart, rtol=1e-4)
    np.testing.assert_allclose(terms.loss, terms.metrics["reconstruction"] + 2 * terms.metrics["kl"], rtol=1e-5)
    vae = exact_vae(weights, objectives.JointAndSingle(alpha=0.3), prior_expert=False)
    np.testing.assert_allclose(vae.terms(x, training=True).metrics["kl"], kl + 0.3 * apart, rtol=1e-4)


def test_the_laws_of_the_subsets():
    present = tf.ones([8_000, 5], tf.bool)
    for law, expected in (("independent", [1 / 32, 5 / 32, 10 / 32, 10 / 32, 5 / 32, 1 / 32]), ("size", [1 / 6] * 6)):
        objective = objectives.MaskedBound(law=law, seed=0)
        first, second = (objective.chosen(present).numpy() for _ in range(2))
        shares = np.bincount(first.sum(axis=1), minlength=6) / 8_000
        np.testing.assert_allclose(shares, expected, atol=0.025)
        assert (first != second).any()


AGGREGATIONS = {
    "poe": lambda: layers.ProductOfExperts(D, M),
    "moe": lambda: layers.MixtureOfExperts(D, M),
    "mopoe": lambda: layers.MixtureOfProducts(D, M),
    "attention": lambda: layers.SelfAttention(D, M, 8, num_heads=2),
}
OBJECTIVES = {
    "elbo": lambda: objectives.ELBO(),
    "masked": lambda: objectives.MaskedBound(seed=0),
    "mixture": lambda: objectives.MixtureBound(law="size", seed=0),
    "subsampled": lambda: objectives.SubsampledELBO(seed=0),
    "total-correlation": lambda: objectives.TotalCorrelation(),
    "joint": lambda: objectives.JointAndSingle(),
}


def small_vae(aggregation="poe", objective="elbo", prior=None):
    keras.utils.set_random_seed(0)
    aggregation = AGGREGATIONS[aggregation]()
    encoders = {k: dense(size, aggregation.feature_dim) for k, size in zip(NAMES, SIZES, strict=True)}
    decoders = {
        k: dense(D, size, layers.IndependentNormal(size, "mean", scale=0.7))
        for k, size in zip(NAMES, SIZES, strict=True)
    }
    return tfvae.MultimodalVAE(encoders, decoders, aggregation, prior, OBJECTIVES[objective]())


def with_missing(x, seed=0):
    rng = np.random.default_rng(seed)
    x = {k: v.copy() for k, v in x.items()}
    for k in NAMES[1:]:
        x[k][rng.random(len(x[k])) < 0.5] = np.nan
    return x


@pytest.mark.parametrize(
    ("aggregation", "objective"),
    [("poe", "masked"), ("moe", "mixture"), ("attention", "joint"),
     *(pytest.param(*pair, marks=pytest.mark.slow) for pair in (("poe", "subsampled"), ("attention", "masked"),
                                                               ("mopoe", "elbo"), ("poe", "total-correlation")))],
)  # fmt: skip
def test_trains_on_what_is_there_saves_and_goes_on(aggregation, objective, tmp_path):
    _, x = truth(96)
    x = with_missing(x)
    vae = small_vae(aggregation, objective)
    vae.compile(keras.optimizers.Adam(1e-2))
    before = vae.evaluate(x, verbose=0)
    history = vae.fit(x, batch_size=20, epochs=15, verbose=0).history
    assert set(history) == {"loss", "reconstruction", "kl"}
    assert vae.evaluate(x, verbose=0) < before
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert type(loaded) is tfvae.MultimodalVAE
    np.testing.assert_allclose(loaded.log_likelihood(x, 50).mean, vae.log_likelihood(x, 50).mean, rtol=1e-6)
    loaded.fit(x, epochs=1, verbose=0)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_what_is_missing_changes_nothing(objective):
    """A key that is left out is the same as NaN, and no gradient reaches the encoder and decoder of what is missing."""
    _, x = truth(32)
    x["b"] = np.full_like(x["b"], np.nan)
    vae = small_vae("attention", objective)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(vae.terms(x, training=True).loss)
    gradients = dict(
        zip([v.path for v in vae.trainable_variables], tape.gradient(loss, vae.trainable_variables), strict=True)
    )
    assert np.isfinite(loss)
    parts = [*vae.encoders["b"].trainable_variables, *vae.decoders["b"].trainable_variables]
    for variable in parts:
        gradient = gradients[variable.path]
        assert gradient is None or not np.any(gradient)
    del x["b"]
    some, whole = (vae.encode(given).mean() for given in (x, vae.complete(x)))
    np.testing.assert_array_equal(some, whole)


def test_imputes_samples_and_reconstructs():
    weights, x = truth(2_000)
    vae = exact_vae(weights)
    filled = vae.impute({"a": x["a"], "b": x["b"]}, num_draws=200, seed=0)
    expected = (x["a"] @ weights["a"] + x["b"] @ weights["b"]) / (2 + NOISE) @ weights["c"].T
    np.testing.assert_allclose(filled["c"], expected, atol=0.25)
    np.testing.assert_array_equal(filled["a"], x["a"])
    half = {**x, "c": x["c"].copy()}
    half["c"][::2] = np.nan
    one = vae.impute(half, seed=0)
    np.testing.assert_array_equal(one["c"][1::2], x["c"][1::2])
    residual = one["c"][::2] - expected[::2]
    spread = np.trace(weights["c"] @ weights["c"].T * NOISE / (2 + NOISE) + NOISE * np.eye(SIZES[2]))
    assert np.square(residual).sum(axis=1).mean() == pytest.approx(spread, rel=0.1)
    drawn = vae.sample(3_000, seed=0)
    covariance = weights["a"] @ weights["c"].T
    np.testing.assert_allclose(drawn["a"].T @ drawn["c"] / 3_000, covariance, atol=0.12)
    assert {k: v.shape for k, v in vae.sample(0).items()} == {k: (0, n) for k, n in zip(NAMES, SIZES, strict=True)}
    with pytest.raises(ValueError, match="`num_draws` must be at least 1"):
        vae.impute(half, num_draws=0)
    assert {k: v.shape for k, v in vae.reconstruct(x, mean=True).items()} == {k: v.shape for k, v in x.items()}


def test_one_step_on_a_data_set_and_with_a_mixture_prior():
    _, x = truth(64)
    vae = small_vae("poe", "masked", priors.MixturePrior(D, 3, seed=0))
    vae.compile("adam")
    data = tf.data.Dataset.from_tensor_slices(with_missing(x)).batch(16)
    assert np.isfinite(vae.fit(data, epochs=2, verbose=0).history["loss"]).all()
    assert np.isfinite(vae.log_likelihood(x, 20).log_likelihood).all()


@pytest.mark.parametrize(
    "aggregation",
    ["generalized-product", "mixture-of-products", "sum",
     *(pytest.param(name, marks=pytest.mark.slow) for name in ("product", "mixture", "attention"))],
)  # fmt: skip
def test_the_factory_makes_each_aggregation(aggregation):
    _, x = truth(80)
    kinds = np.eye(4, dtype="float32")[np.arange(80) % 4]
    sizes = dict(zip(NAMES, SIZES, strict=True)) | {"kind": 4}
    vae = tfvae.make_multimodal_vae(
        sizes, D, (8,), likelihoods={"kind": layers.OneHotCategorical(4, "mode")}, aggregation=aggregation
    )
    logs = vae.fit(with_missing({**x, "kind": kinds}), batch_size=16, epochs=2, verbose=0).history
    assert np.isfinite(logs["loss"]).all()
    assert set(logs) == {"loss", "reconstruction", "kl", "scale"}
    filled = vae.impute({"a": x["a"]})["kind"]
    np.testing.assert_array_equal(filled.sum(axis=1), 1)


def test_bad_input_is_one_sentence():
    _, x = truth(10)
    vae = small_vae()
    vae.compile("adam")
    empty = {k: np.full_like(v, np.nan) for k, v in x.items()}
    partly = {**x, "a": np.where(np.arange(4) == 1, np.nan, x["a"])}
    for given, message in (
        ({**x, "d": x["a"]}, "'d' is no modality of this model: it has a, b, c"),
        ({}, "There is no modality"),
        ({**x, "a": x["a"][:5]}, "All modalities need the same rows, NaN where one is missing, but a has 5"),
        ({**x, "a": x["b"]}, r"rows of shape \(4,\) of 'a', but `x\['a'\]` has rows of \(3,\)"),
        (empty, "Row 1 has no modality at all"),
        (partly, "partly NaN, over which IndependentNormal does not integrate"),
        ({**x, "a": x["a"] + np.inf}, r"`x\['a'\]` has infinite values"),
    ):
        with pytest.raises(ValueError, match=message):
            vae.fit(given, verbose=0)
    with pytest.raises(ValueError, match="takes a dict of its modalities a, b, c, but got a ndarray"):
        vae.encode(x["a"])
    with pytest.raises(ValueError, match="`given` names 'b', but x has a"):
        vae.log_likelihood({"a": x["a"]}, given=("b",))
    encoders, decoders = vae.encoders, vae.decoders
    poe = layers.ProductOfExperts(D, M)
    for make, message in (
        (lambda: tfvae.MultimodalVAE({**encoders, "d": encoders["a"]}, decoders, poe), "'d' has an encoder and no decoder"),
        (lambda: tfvae.MultimodalVAE(encoders, {k: decoders[k] for k in "ab"}, poe), "'c' has an encoder and no decoder"),
        (lambda: tfvae.MultimodalVAE(encoders, decoders, layers.ProductOfExperts(D, 2)), "is of 2 modalities, but there are 3"),
        (lambda: tfvae.MultimodalVAE(encoders, decoders, layers.ProductOfExperts(5, M)), "takes 10 features of each modality"),
        (lambda: tfvae.MultimodalVAE(encoders, decoders, poe, priors.VampPrior(D, 3, 4)), "encodes examples of one modality"),
        (lambda: tfvae.make_multimodal_vae({"a": 3}, 2, aggregation="all"), "`aggregation` must be one of product"),
        (lambda: tfvae.make_multimodal_vae({"a": 3}, 2, likelihoods={"b": None}), "names 'b', which has no size"),
        (lambda: objectives.MaskedBound(law="all"), "`law` must be one of independent, size"),
        (lambda: objectives.TotalCorrelation(alpha=2), "`alpha` must be between 0 and 1"),
        (lambda: objectives.JointAndSingle(alpha=-1), "`alpha` must be at least 0"),
        (lambda: objectives.SubsampledELBO(num_subsets=-1), "`num_subsets` must be at least 0"),
        (lambda: tfvae.make_dense_vae(3, 2, (4,), objective=objectives.MaskedBound()).terms(x["b"], training=True),
         "MaskedBound is for a MultimodalVAE"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            make()
