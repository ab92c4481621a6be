"""Distributions as data: whatever their parameters are."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import layers
from tfvae.host.saving import from_config, to_config

tfd, tfl = tfp.distributions, tf.linalg
ZEROS, ONES = np.zeros(2, "float32"), np.ones(2, "float32")
PRIORS = {
    "positions": lambda: tfd.MultivariateNormalDiag(np.zeros(2), np.ones(2)),
    "float32": lambda: tfd.MultivariateNormalDiag(ZEROS, ONES),
    "keywords": lambda: tfd.MultivariateNormalDiag(loc=ZEROS, scale_diag=2 * ONES),
    "inside a mixture": lambda: tfd.MixtureSameFamily(
        tfd.Categorical(probs=np.array([0.3, 0.7], "float32")),
        tfd.MultivariateNormalDiag(np.array([[0, 0], [1, 1]], "float32"), np.ones((2, 2), "float32")),
    ),
    "linear operator": lambda: tfd.MultivariateNormalLinearOperator(ZEROS, tfl.LinearOperatorDiag(2 * ONES)),
    "a trained operator": lambda: tfd.MultivariateNormalLinearOperator(
        tf.Variable(ZEROS), tfl.LinearOperatorLowerTriangular(tf.Variable(np.eye(2, dtype="float32")))
    ),
}


@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_of_a_regularizer_is_saved(name, tmp_path):
    prior = PRIORS[name]()
    dtype = "float64" if prior.dtype == np.float64 else None
    regularizer = layers.KLDivergenceRegularizer(prior)
    posterior = layers.IndependentNormal(2, activity_regularizer=regularizer, dtype=dtype, seed=1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), posterior])
    model.compile("adam", "mse")
    model.fit(np.ones((8, 3)), np.ones((8, 2)), verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    z = np.ones((3, 2), prior.dtype.as_numpy_dtype)
    revived = loaded.layers[-1].activity_regularizer.state.prior()
    np.testing.assert_allclose(revived.log_prob(z), prior.log_prob(z), rtol=1e-6)


def test_a_config_names_distributions_bijectors_and_operators_alone():
    for path in (
        "linalg.matmul",
        "linalg.experimental",
        "util.make_trainable_linear_operator_tril",
        "distributions.tf",
    ):
        with pytest.raises(ValueError, match="is not a distribution, bijector or linear operator"):
            from_config({"$tfp": path, "parameters": {}})
    config = to_config(PRIORS["linear operator"]())
    assert config["parameters"]["scale"]["$tfp"] == "linalg.LinearOperatorDiag"
