"""What one function of x loses against inference for each x, on the same dictionary."""

from typing import Any

import numpy as np

import tfvae
from tfvae.evaluation import lifetime_sparsity
from tfvae.experiments.poisson.table import dictionary


def compare_inference(model: Any, x: np.ndarray, constant: float, steps: Any, penalties: Any) -> list[dict]:
    """Rows for the encoder, `tfvae.refine` after each number of steps, and scikit-learn's SparseCoder at each penalty.

    Args:
        model: a VAE of counts with `LinearELBO`.
        x: `(n, size)`.
        constant: float, what the reconstruction has beyond the squared error.
        steps, penalties: sequences of numbers.

    Returns:
        A row each: squared error of the mean's reconstruction, lifetime sparsity of the means, and, of a posterior, squared
        error + KL.
    """
    q = model.encode(x)
    rows = [{"inference": "encoder", "steps": 0} | _of_posterior(model, q, x, constant)]
    for n in steps:
        q = tfvae.refine(model, x, steps=n)
        rows.append({"inference": "refined", "steps": n} | _of_posterior(model, q, x, constant))
    columns = dictionary(model)
    for penalty in penalties:
        codes = _lasso(columns, x, penalty)
        error = float(np.square(codes @ columns - x).sum(axis=1).mean())
        rows.append({"inference": "lasso", "penalty": penalty, "squared_error": error, "sparsity": _sparsity(codes)})
    return rows


def _of_posterior(model, q, x, constant):
    from tfvae.models.decoding import Pass, as_input

    z = q.distribution.mean().numpy()
    target = as_input(x)
    terms = model.objective.terms(model.draw(Pass(q, model.decode), target, target, 0, training=False))
    return {
        "squared_error": float(np.square(model.decode(z).mean().numpy() - x).sum(axis=1).mean()),
        "squared_error_plus_kl": float(np.mean(terms.loss)) - constant,
        "kl": float(np.mean(terms.metrics["kl"])),
        "sparsity": _sparsity(z),
    }


def _sparsity(z):
    return float(np.nanmean(lifetime_sparsity(z)))


def _lasso(columns, x, penalty):
    """Codes >= 0 that minimize ½ |x − Σ z φ / |φ||² + penalty Σ z, in units of the columns as they are."""
    from sklearn.decomposition import SparseCoder

    lengths = np.maximum(np.linalg.norm(columns, axis=1), 1e-9)
    coder = SparseCoder(
        (columns / lengths[:, None]).astype("float64"), transform_algorithm="lasso_cd", transform_alpha=penalty,
        positive_code=True,
    )  # fmt: skip
    return coder.transform(x.astype("float64")) / lengths
