"""Every distribution layer, constructible from little, with an event to evaluate: what the contract tests run over."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow_probability as tfp

from tfvae import layers

tfd, tfpl = tfp.distributions, tfp.layers


def make_normal(params):
    return tfd.Independent(tfd.Normal(params, 1.0), 1)


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer class with its arguments, TFP's `new` with the same (None where TFP has none), and draws of the event."""

    make: Callable
    event: Callable  # (rng, n) -> events
    tfp_new: Callable | None = None
    reparameterized: bool = True

    def __repr__(self):
        return type(self.make()).__name__


def _real(*shape):
    return lambda rng, n: rng.normal(size=(n, *shape))


def _binary(rng, n):
    return rng.integers(0, 2, size=(n, 3))


def _one_hot(rng, n):
    return np.eye(4)[rng.integers(0, 4, size=n)]


def _table(rng, n):
    return np.concatenate([rng.normal(size=(n, 2)), np.eye(3)[rng.integers(0, 3, size=n)]], axis=1)


CASES = [
    Case(
        lambda **k: layers.MultivariateNormalTriL(3, **k),
        _real(3),
        lambda p: tfpl.MultivariateNormalTriL.new(p, 3),
    ),
    Case(lambda **k: layers.OneHotCategorical(4, **k), _one_hot, lambda p: tfpl.OneHotCategorical.new(p, 4), False),
    Case(
        lambda **k: layers.CategoricalMixtureOfOneHotCategorical(4, 2, **k),
        _one_hot,
        lambda p: tfpl.CategoricalMixtureOfOneHotCategorical.new(p, 4, 2),
        False,
    ),
    Case(
        lambda **k: layers.IndependentBernoulli(3, **k),
        _binary,
        lambda p: tfpl.IndependentBernoulli.new(p, 3),
        False,
    ),
    Case(lambda **k: layers.IndependentLogistic(3, **k), _real(3), lambda p: tfpl.IndependentLogistic.new(p, 3)),
    Case(lambda **k: layers.IndependentLaplace(3, **k), _real(3)),
    Case(lambda **k: layers.LogVarianceNormal((2, 3), **k), _real(2, 3)),
    Case(
        lambda **k: layers.IndependentNormal((2, 3), **k),
        _real(2, 3),
        lambda p: tfpl.IndependentNormal.new(p, (2, 3)),
    ),
    Case(
        lambda **k: layers.IndependentPoisson(3, **k),
        lambda rng, n: rng.poisson(2, size=(n, 3)),
        lambda p: tfpl.IndependentPoisson.new(p, 3),
        False,
    ),
    Case(
        lambda **k: layers.MixtureSameFamily(2, layers.IndependentNormal(3), **k),
        _real(3),
        lambda p: tfpl.MixtureSameFamily.new(p, 2, lambda q: tfpl.IndependentNormal.new(q, 3)),
        False,
    ),
    Case(lambda **k: layers.MixtureNormal(2, 3, **k), _real(3), lambda p: tfpl.MixtureNormal.new(p, 2, 3)),
    Case(lambda **k: layers.MixtureLogistic(2, 3, **k), _real(3), lambda p: tfpl.MixtureLogistic.new(p, 2, 3)),
    Case(
        lambda **k: layers.IndependentContinuousBernoulli(3, **k), lambda rng, n: rng.uniform(0.01, 0.99, size=(n, 3))
    ),
    Case(
        lambda **k: layers.IndependentDiscretizedLogistic(3, levels=16, **k),
        lambda rng, n: rng.integers(0, 16, size=(n, 3)) / 15,
        None,
        False,
    ),
    Case(lambda **k: layers.TableLikelihood(2, (3,), **k), _table, None, False),
    Case(lambda **k: layers.GumbelSoftmax(4, **k), _one_hot, None, False),
    Case(lambda **k: layers.PoissonPosterior(3, **k), lambda rng, n: rng.poisson(2, size=(n, 3)), None, False),
]
