"""How sparse codes are."""

import numpy as np


def lifetime_sparsity(z: np.ndarray) -> np.ndarray:
    """How rarely each unit is used over all examples: 0 where always as much, 1 where by a single example.

    (1 − (Σ z)² / (n Σ z²)) / (1 − 1/n), of codes that are at least 0.

    Args:
        z: `(n, D)`, n >= 2.

    Returns:
        `(D,)`; NaN for a unit that is always 0.

    Raises:
        ValueError: for fewer than two examples, or codes below 0, of which this says nothing.

    Source: Treves and Rolls (1991); Vinje and Gallant, "Sparse coding and decorrelation in primary visual cortex during
    natural vision" (2000).
    """
    z = np.asarray(z, "float64")
    n = len(z)
    if n < 2:
        raise ValueError(f"Sparsity needs at least two examples, but got {n}.")
    if (z < 0).any():
        raise ValueError("Sparsity is of codes that are at least 0, but some are below.")
    squares = n * np.sum(z**2, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (1 - np.sum(z, axis=0) ** 2 / squares) / (1 - 1 / n)
