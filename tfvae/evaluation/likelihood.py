"""Likelihood against a known truth."""

from typing import Any

import numpy as np

from tfvae.importance import standard_error


def nll_gap(vae: Any, truth: Any, n: int = 20_000, num_samples: int = 200, seed: int = 0) -> dict[str, float]:
    """E log p_true(x) − log p_model(x) on n fresh points, paired, in nats: KL(truth ‖ model), estimated.

    Returns:
        dict: `nll_gap`, its `standard_error` over the points, and the model's and the truth's mean `nll`. Importance
        sampling makes the model look slightly worse than it is; `effective_sample_size` (median) says how slightly.
    """
    x = truth.sample(n, seed=seed + 7_919)  # far from the seeds that training data take
    estimate = vae.log_likelihood(x, num_samples=num_samples, seed=seed)
    log_p = truth.log_prob(x)
    difference = log_p - estimate.log_likelihood
    return {
        "nll_gap": float(difference.mean()),
        "standard_error": standard_error(difference),
        "nll": float(-estimate.log_likelihood.mean()),
        "nll_truth": float(-log_p.mean()),
        "effective_sample_size": float(np.median(estimate.effective_sample_size)),
    }
