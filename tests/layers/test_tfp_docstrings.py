"""What TFP's docstrings show of its layers, with the imports changed, in float32 and float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import layers as tfpl

tfd, tfkl, tfk = tfp.distributions, keras.layers, keras
both_types = pytest.mark.parametrize("dtype", ["float32", "float64"])
SIZES = {  # every form that TFP takes a size in
    "int": lambda n: n,
    "list": lambda n: [n],
    "tuple": lambda n: (n,),
    "shape": lambda n: tf.TensorShape([n]),
    "0-d array": lambda n: np.array(n),
    "0-d integer": lambda n: np.int32(n),
    "vector": lambda n: np.array([n]),
    "scalar tensor": lambda n: tf.constant(n),
    "vector tensor": lambda n: tf.constant([n]),
}


def fitted(layers, y, dtype, n=64, d=3):
    """A model of such layers, trained on the negative log probability of y."""
    model = tfk.Sequential([tfk.Input((d,), dtype=dtype), *layers])
    model.compile(optimizer="adam", loss=lambda y, model: -model.log_prob(y))
    x = np.random.default_rng(0).normal(size=(n, d)).astype(dtype)
    losses = model.fit(x, y.astype(dtype), epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    yhat = model(x[:5])
    assert isinstance(yhat.distribution, tfd.Distribution)
    assert yhat.distribution.dtype == dtype
    assert yhat.log_prob(y[:5].astype(dtype)).dtype == dtype
    return model


def normals(n=64, d=2):
    return np.random.default_rng(1).normal(size=(n, d))


@both_types
def test_distribution_lambda(dtype):
    layer = tfpl.DistributionLambda(
        make_distribution_fn=lambda t: tfd.Normal(loc=t[..., 0], scale=tf.exp(t[..., 1])),
        convert_to_tensor_fn=lambda s: s.sample(5),
        dtype=dtype,
    )
    model = tfk.Sequential([tfk.Input((4,), dtype=dtype), tfkl.Dense(2, dtype=dtype), layer])
    rv = model(np.ones((3, 4), dtype))
    assert rv.shape == (5, 3)
    assert rv.mean().dtype == dtype


@both_types
def test_multivariate_normal_tril(dtype):
    """The regression of the docstring: x = A ε with a covariance that the layer finds."""
    event_size = 2
    params = tfpl.MultivariateNormalTriL.params_size(event_size)
    fitted([tfkl.Dense(params, dtype=dtype), tfpl.MultivariateNormalTriL(event_size, dtype=dtype)], normals(), dtype)


@both_types
@pytest.mark.parametrize("name", ["OneHotCategorical", "CategoricalMixtureOfOneHotCategorical"])
def test_categoricals(name, dtype):
    y = np.eye(4)[np.random.default_rng(0).integers(0, 4, 64)]
    arguments = (4,) if name == "OneHotCategorical" else (4, 3)
    layer = getattr(tfpl, name)
    fitted([tfkl.Dense(layer.params_size(*arguments), dtype=dtype), layer(*arguments, dtype=dtype)], y, dtype)


@both_types
@pytest.mark.parametrize(
    "name", ["IndependentNormal", "IndependentLogistic", "IndependentBernoulli", "IndependentPoisson"]
)
def test_independent(name, dtype):
    rng = np.random.default_rng(0)
    y = {"IndependentBernoulli": rng.integers(0, 2, (64, 2, 3)), "IndependentPoisson": rng.poisson(2, (64, 2, 3))}
    layer, event_shape = getattr(tfpl, name), [2, 3]
    stack = [tfkl.Dense(layer.params_size(event_shape), dtype=dtype), layer(event_shape, dtype=dtype)]
    fitted(stack, y.get(name, rng.normal(size=(64, 2, 3))), dtype)


@both_types
@pytest.mark.parametrize("name", ["MixtureNormal", "MixtureLogistic"])
def test_mixtures(name, dtype):
    layer, event_shape, num_components = getattr(tfpl, name), [1], 5
    params = layer.params_size(num_components, event_shape)
    fitted([tfkl.Dense(params, dtype=dtype), layer(num_components, event_shape, dtype=dtype)], normals(d=1), dtype)


@both_types
def test_mixture_same_family(dtype):
    event_shape, num_components = [1], 5
    params = tfpl.MixtureSameFamily.params_size(
        num_components, component_params_size=tfpl.IndependentNormal.params_size(event_shape)
    )
    component = tfpl.IndependentNormal(event_shape, dtype=dtype)
    layers = [tfkl.Dense(params, dtype=dtype), tfpl.MixtureSameFamily(num_components, component, dtype=dtype)]
    fitted(layers, normals(d=1), dtype)


@both_types
def test_kl_divergence_add_loss_and_regularizer(dtype):
    prior = tfd.MultivariateNormalDiag(loc=tf.zeros(2, dtype))
    add_loss = tfpl.KLDivergenceAddLoss(prior, weight=0.1, dtype=dtype)
    stack = [
        tfkl.Dense(tfpl.MultivariateNormalTriL.params_size(2), dtype=dtype),
        tfpl.MultivariateNormalTriL(2, dtype=dtype),
    ]
    model = tfk.Sequential([tfk.Input((3,), dtype=dtype), *stack, add_loss])
    model(np.ones((4, 3), dtype))
    assert len(model.losses) == 1
    regularizer = tfpl.KLDivergenceRegularizer(prior, weight=0.1)
    regularized = tfpl.MultivariateNormalTriL(2, activity_regularizer=regularizer, dtype=dtype)
    model = fitted([stack[0], regularized], normals(), dtype)
    assert np.isfinite(float(model.losses[0]))


@pytest.mark.parametrize("form", SIZES)
def test_sizes_in_every_form_that_tfp_takes(form):
    """In constructors, `new` and `params_size`."""
    n, params = SIZES[form](3), np.ones((2, 30), "float32")
    for layer in (tfpl.IndependentNormal, tfpl.IndependentLogistic, tfpl.IndependentBernoulli, tfpl.IndependentPoisson,
                  tfpl.MultivariateNormalTriL, tfpl.OneHotCategorical):  # fmt: skip
        size = layer.params_size(n)
        assert size == layer.params_size(3)
        assert layer.new(params[:, :size], n).event_shape == (3,)
        assert layer(n)(params[:, :size]).event_shape == (3,)
    for layer in (tfpl.MixtureNormal, tfpl.MixtureLogistic):
        size = layer.params_size(2, n)
        assert layer.new(params[:, :size], 2, n).event_shape == (3,)
        assert layer(2, n)(params[:, :size]).event_shape == (3,)
    size = tfpl.CategoricalMixtureOfOneHotCategorical.params_size(n, 2)
    assert tfpl.CategoricalMixtureOfOneHotCategorical(n, 2)(params[:, :size]).event_shape == (3,)


def test_a_size_may_be_a_tensor_inside_a_function():
    @tf.function
    def mean(params):
        return tfpl.IndependentNormal.new(params, tf.constant([3])).mean()

    assert mean(tf.ones([2, 6])).shape == (2, 3)
    with pytest.raises(ValueError, match="must be the length of a vector"):
        tfpl.MultivariateNormalTriL((2, 3))
