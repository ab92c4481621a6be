"""Document 002's curve."""

import numpy as np
import pytest

from tfvae.data import SCurve, embed_features


def test_the_documents_embedding():
    parameter = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    t = 3 * np.pi * (parameter - 0.5)
    expected = np.stack([(1 + np.sin(t)) / 2, (np.sign(t) * (np.cos(t) - 1) + 2) / 4], axis=1)
    np.testing.assert_allclose(embed_features(parameter), expected)
    np.testing.assert_allclose(embed_features([0.5]), [[0.5, 0.5]])
    with pytest.raises(ValueError, match="one-dimensional"):
        embed_features(np.zeros((2, 2)))


def test_sampling_is_seeded_and_noisy_where_asked():
    points, parameter = SCurve().sample_with_parameter(300, seed=1)
    np.testing.assert_allclose(points, embed_features(parameter), atol=1e-6)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points, SCurve().sample(300, seed=1))
    noisy, parameter = SCurve(noise=0.1).sample_with_parameter(5000, seed=1)
    # The standard deviation of 10,000 normal numbers, within five standard errors: an error probability below 1e-6.
    assert (noisy - embed_features(parameter)).std() == pytest.approx(0.1, abs=5 * 0.1 / np.sqrt(20_000))
    with pytest.raises(ValueError, match="`noise` must be at least 0"):
        SCurve(noise=-1)
