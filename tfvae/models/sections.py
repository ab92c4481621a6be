"""Models of neighbouring sections as one: p(x) = Π_s p_s(x_s), or with a joint density over the sections' codes."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.importance import LikelihoodEstimate

tfd = tfp.distributions


class _Encoded(NamedTuple):
    distribution: tfd.Distribution


class SectionedVAE:
    """The VAEs of the sections of a genome, used as one `VAE` is: `sample`, `encode`, `decode`, `log_likelihood`.

    Sections are independent: linkage is cut at their boundaries, unless a `joint` density draws their codes together.
    Models are loaded when they are needed and not kept, so that memory is that of one section.

    Args:
        loaders: functions without arguments that return the sections' `VAE`s, in order.
        num_sites: the sections' numbers of sites.
        latent_dims: the sections' latent sizes.
        joint: a `VAE` over the concatenated codes, or None.
    """

    def __init__(self, loaders: Sequence, num_sites: Sequence[int], latent_dims: Sequence[int], joint: Any = None):
        self.loaders, self.joint = list(loaders), joint
        self._sites = [0, *itertools.accumulate(num_sites)]
        self._codes = [0, *itertools.accumulate(latent_dims)]

    @property
    def data_shape(self) -> tuple[int, ...]:
        """Shape of one haplotype of all sections."""
        return (self._sites[-1],)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one z: the sections' codes, one after the other."""
        return (self._codes[-1],)

    def encode(self, x: Any) -> Any:
        """q(z|x), independent between sections; its `distribution` has `mean` and `stddev`, `(B, D)`."""
        parts = [vae.encode(x[:, sites]).distribution for vae, sites, _ in self._parts()]
        mean, sd = (tf.concat([getattr(q, what)() for q in parts], axis=-1) for what in ("mean", "stddev"))
        return _Encoded(tfd.Independent(tfd.Normal(mean, sd), 1))

    def decode(self, z: Any) -> Any:
        """p(x|z) of all sections, independent Bernoullis."""
        z = tf.convert_to_tensor(z)
        means = [vae.decode(z[:, codes]).mean() for vae, _, codes in self._parts()]
        return tfd.Independent(tfd.Bernoulli(probs=tf.concat(means, axis=-1), dtype=tf.float32), 1)

    def sample(self, n: int, seed: int | None = None, mean: bool = False) -> Any:
        """n draws of whole haplotypes, or decoder means, `(n, V)`; each section from a seed of its own."""
        seeds = seeds_of(seed, len(self.loaders))
        if self.joint is None:
            pieces = [vae.sample(n, seed=s, mean=mean) for s, (vae, _, _) in zip(seeds, self._parts(), strict=True)]
        else:
            z = self.joint.sample(n, seed=seeds[0])
            decoded = (vae.decode(z[:, codes]) for vae, _, codes in self._parts())
            pieces = [(p.mean() if mean else p.sample(seed=s)).numpy() for s, p in zip(seeds, decoded, strict=True)]
        return np.concatenate(pieces, axis=1)

    def log_likelihood(self, x: Any, num_samples: int = 100, seed: int = 0) -> Any:
        """Σ_s log p_s(x_s) of each row by importance sampling, with errors added in squares.

        It is that of independent sections, also where there is a `joint` density.
        """
        seeds = seeds_of(seed, len(self.loaders))
        estimates = [
            vae.log_likelihood(x[:, sites], num_samples, s)
            for s, (vae, sites, _) in zip(seeds, self._parts(), strict=True)
        ]
        return LikelihoodEstimate(
            sum(e.log_likelihood for e in estimates),
            np.sqrt(sum(e.standard_error**2 for e in estimates)),
            np.min([e.effective_sample_size for e in estimates], axis=0),
            sum(e.doubling_gain for e in estimates),
            sum(e.prior_gap for e in estimates),
        )

    def _parts(self):
        """(VAE, its sites, its codes) of each section in turn."""
        for k, load in enumerate(self.loaders):
            yield load(), slice(*self._sites[k : k + 2]), slice(*self._codes[k : k + 2])


def seeds_of(seed, n):
    """A seed for each of n sections."""
    states = np.random.SeedSequence(seed).generate_state(n) % 2**31
    return [int(s) for s in states]
