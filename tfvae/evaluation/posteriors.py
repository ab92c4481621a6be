"""Whether a mixture posterior is one, and whether a latent space has islands."""

import math
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


def posterior_use(q: Any, seed: int = 0, num_draws: int = 64) -> dict[str, float]:
    """How much a mixture posterior is more than one Gaussian.

    Args:
        q: `tfd.MixtureSameFamily` of independent normals, batch `(B,)`.
        seed: of the draws of the divergence.
        num_draws: of each posterior.

    Returns:
        dict of means over the batch: `posterior_components`, exp of the entropy of the weights, from 1 to K; and
        `non_gaussianity`, KL(q ‖ the Gaussian of the same moments), in nats: 0 where components lie on each other.
    """
    weights = tf.nn.softmax(q.mixture_distribution.logits_parameter(), axis=-1)
    entropy = tfd.Categorical(probs=weights).entropy()
    z = q.sample(num_draws, seed=tf.constant([seed, 5]))
    gaussian = tfd.MultivariateNormalDiag(q.mean(), q.stddev())
    return {
        "posterior_components": float(tf.reduce_mean(tf.exp(entropy))),
        "non_gaussianity": float(tf.reduce_mean(q.log_prob(z) - gaussian.log_prob(z))),
    }


def interpolation_report(
    vae: Any, a: np.ndarray, b: np.ndarray, num_samples: int = 100, seed: int = 0, binary: bool = False
) -> dict[str, float]:
    """What lies between the codes of two examples: islands show as a rise of the NLL, or a drop of the prior's density.

    Args:
        vae: `VAE`; a, b: `(n, *E)` examples, in pairs.
        num_samples: importance samples of each NLL.
        seed: of the draws.
        binary: bool, whether x is 0 or 1; decoded means are then drawn as such before they are scored.

    Returns:
        dict: `interpolation_rise`, −log p of the decoded middle of the line less that of its decoded ends;
        `prior_drop`, log p(z) of the ends less that of the middle; means over the pairs, in nats.
    """
    ends = [vae.encode(x).distribution.sample(seed=tf.constant([seed, k])) for k, x in enumerate((a, b))]
    codes = [ends[0], ends[1], (ends[0] + ends[1]) / 2]
    nll, log_prior = [], []
    rng = np.random.default_rng(seed)
    for z in codes:
        x = vae.decode(z).mean().numpy()
        x = (rng.random(x.shape) < x).astype("float32") if binary else x
        nll.append(-vae.log_likelihood(x, num_samples, seed).mean)
        log_prior.append(float(tf.reduce_mean(vae.prior.log_prob(z))))
    rise, drop = nll[2] - (nll[0] + nll[1]) / 2, (log_prior[0] + log_prior[1]) / 2 - log_prior[2]
    return {"interpolation_rise": rise if math.isfinite(rise) else math.nan, "prior_drop": drop}
