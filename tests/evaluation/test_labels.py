"""What codes say of labels: one split by hand, and what they refuse."""

import numpy as np
import pytest

from tfvae import evaluation


def test_neighbours_tell_the_label_of_clusters_and_guess_without():
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    codes = np.eye(4)[labels] * 10 + rng.standard_normal((400, 4))
    assert evaluation.nearest_neighbour_accuracy(codes, labels, 40) == 1
    assert evaluation.nearest_neighbour_accuracy(rng.standard_normal((4_000, 4)), np.arange(4_000) % 4, 200) == pytest.approx(
        0.25, abs=0.03
    )  # fmt: skip


def test_neighbours_are_those_of_the_first_half():
    """One dimension, one neighbour: the label of the nearest of 0, 1 and 2 for 0.4, 1.6 and 0.9."""
    codes = np.array([0, 1, 2, 0.4, 1.6, 0.9])[:, None]
    labels = np.array([0, 1, 2, 0, 2, 0])
    found = evaluation.nearest_neighbour_accuracy(codes, labels, 3, num_neighbours=1)
    assert found == pytest.approx(2 / 3)
    for n in (0, 4):
        with pytest.raises(ValueError, match="`num_labels` must be between 1 and half of the examples, 3"):
            evaluation.nearest_neighbour_accuracy(codes, labels, n, num_neighbours=1)


def test_cuts_between_halves_of_the_classes():
    """Of the corners of a square two of three halvings are linear, and the third, exclusive or, is a coin."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(2_000) % 4
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    codes = corners[labels] + 0.01 * rng.standard_normal((2_000, 2))
    assert evaluation.shattering_accuracy(codes, labels) == pytest.approx((1 + 1 + 0.5) / 3, abs=0.05)
    assert evaluation.shattering_accuracy(np.eye(4)[labels], labels) == 1
    with pytest.raises(ValueError, match="even number of them, but there are 3"):
        evaluation.shattering_accuracy(codes[:9], np.arange(9) % 3)
