"""Sparsity by hand."""

import numpy as np
import pytest

from tfvae.evaluation import lifetime_sparsity


def test_one_example_all_alike_and_none():
    z = np.array([[1.0, 2.0, 0.0, 1.0], [0.0, 2.0, 0.0, 1.0], [0.0, 2.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]])
    expected = [1.0, 0.0, np.nan, (1 - 4 / (4 * 2)) / 0.75]
    np.testing.assert_allclose(lifetime_sparsity(z), expected)
    with pytest.raises(ValueError, match="at least two examples, but got 1"):
        lifetime_sparsity(z[:1])
    with pytest.raises(ValueError, match="codes that are at least 0"):
        lifetime_sparsity(-z)
