"""What the latent space carries: KL per dimension, active units, mutual information, aggregate posterior against prior."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.divergences import kl_divergence, kl_per_dimension

ACTIVE = 0.01  # variance of the posterior means, relative to the prior's


@dataclasses.dataclass(frozen=True)
class LatentReport:
    """How much a VAE's codes say about its data. All in nats where they are information."""

    kl: float  # mean KL(q(z|x) ‖ p(z))
    kl_per_dimension: list | None  # None where posterior and prior do not factorize
    active_units: int  # dimensions whose posterior mean varies by more than 1 % of the prior's variance
    mutual_information: float  # I(x; z) under q, at most log n
    mutual_information_bound: float  # log n: an estimate there says "at least that"
    aggregate_kl: float  # KL(q(z) ‖ p(z)) = kl − mutual_information: a hole in the prior where it is large
    aggregate_mean: list
    aggregate_sd: list

    def as_dict(self) -> dict:
        return dataclasses.asdict(self)


def latent_report(vae: Any, x: Any, seed: int = 0) -> LatentReport:
    """The `LatentReport` of a `VAE` on rows x, `(n, *E)`; n² densities are computed, so a few thousand rows at most.

    Sources: Burda et al., "Importance weighted autoencoders" (2016) for active units; He et al., "Lagging inference
    networks" (2019) for the mutual information; Hoffman and Johnson, "ELBO surgery" (2016) for the decomposition.
    """
    vae.posterior_layer.check_density("A report on the latent space")
    n = len(x)
    q = vae.encode(x).distribution
    prior = vae.prior.near(q)
    z = q.sample(seed=tf.constant([seed, n], tf.int32))
    kl = kl_divergence(q, prior, z)
    by_dimension = kl_per_dimension(q, prior)
    means = q.mean().numpy().astype("float64")
    prior_variance = np.var(vae.prior.sample(10_000, seed=tf.constant([seed, 0], tf.int32)), axis=0)
    log_qz_x = q.log_prob(z).numpy().astype("float64")
    information = float(np.mean(log_qz_x) - np.mean(_log_aggregate(q, z)))
    mean_kl = float(tf.reduce_mean(kl))
    return LatentReport(
        kl=mean_kl,
        kl_per_dimension=None if by_dimension is None else np.mean(by_dimension, axis=0).tolist(),
        active_units=int((means.var(axis=0) > ACTIVE * prior_variance).sum()),
        mutual_information=information,
        mutual_information_bound=float(np.log(n)),
        aggregate_kl=mean_kl - information,
        aggregate_mean=np.mean(z, axis=0).astype(float).tolist(),
        aggregate_sd=np.std(z, axis=0).astype(float).tolist(),
    )


def _log_aggregate(q, z, chunk=256):
    """log (1/n) Σ_j q(z_i | x_j) of each z_i, its own example included."""
    n = len(z)
    pieces = [tf.reduce_logsumexp(q.log_prob(z[i : i + chunk, None]), axis=1) for i in range(0, n, chunk)]
    return np.concatenate(pieces).astype("float64") - np.log(n)
