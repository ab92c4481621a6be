"""How much of the labels codes hold: by their nearest neighbours, and by straight cuts."""

import itertools
from typing import Any

import numpy as np


def nearest_neighbour_accuracy(
    codes: np.ndarray, labels: Any, num_labels: int, num_neighbours: int = 5, repeats: int = 10, seed: int = 0
) -> float:
    """Share of the second half of the examples whose label their nearest labelled examples of the first half tell.

    Args:
        codes: `(n, D)`, compared by Euclidean distance.
        labels: `(n,)`.
        num_labels: int, how many of the first half have a label.
        num_neighbours: int, that vote.
        repeats: int, draws of the labelled ones, over which the share is averaged.
        seed: int, of the draws.

    Raises:
        ValueError: for more labels than the first half holds, or fewer than neighbours.

    Source: Vafaii, Galor and Yates, "Poisson variational autoencoder" (2024).
    """
    from sklearn.neighbors import KNeighborsClassifier

    codes, labels = _rows(codes), np.asarray(labels)
    half = len(codes) // 2
    if not num_neighbours <= num_labels <= half:
        raise ValueError(
            f"`num_labels` must be between {num_neighbours} and half of the examples, {half}, but got {num_labels}."
        )
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(repeats if num_labels < half else 1):  # all of them are drawn in one way
        some = rng.choice(half, num_labels, replace=False)
        classifier = KNeighborsClassifier(num_neighbours).fit(codes[some], labels[some])
        found.append(classifier.score(codes[half:], labels[half:]))
    return float(np.mean(found))


def shattering_accuracy(codes: np.ndarray, labels: Any) -> float:
    """Mean held-out accuracy of straight cuts between every half of the classes and the other.

    0.5 is guessing; 1 says that each such dichotomy is linear in the codes. Logistic regressions are fitted to the first
    half of the examples, each code scaled by its standard deviation, and scored on the second.

    Args:
        codes: `(n, D)`.
        labels: `(n,)`, of an even number of classes.

    Raises:
        ValueError: for an odd number of classes.

    Source: Bernardi et al., "The geometry of abstraction in the hippocampus and prefrontal cortex" (2020), as a shattering
    dimension; Vafaii, Galor and Yates (2024).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    codes, labels = _rows(codes), np.asarray(labels)
    classes = np.unique(labels)
    if len(classes) % 2 or not len(classes):
        raise ValueError(f"Halves of the classes need an even number of them, but there are {len(classes)}.")
    half = len(codes) // 2
    found = []
    for others in itertools.combinations(classes[1:], len(classes) // 2 - 1):  # the first class is always on this side
        side = np.isin(labels, [classes[0], *others])
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000)).fit(codes[:half], side[:half])
        found.append(classifier.score(codes[half:], side[half:]))
    return float(np.mean(found))


def _rows(codes):
    return np.asarray(codes, "float64").reshape(len(codes), -1)
