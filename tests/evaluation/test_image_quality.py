"""Measures of images: exact values, null levels, and what each one sees."""

import numpy as np
import pytest

from tfvae import evaluation
from tfvae.evaluation.image_quality import nearest


def test_kernel_distance_is_the_u_statistic_and_unbiased():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 3)), rng.normal(1.0, 1.0, size=(4, 3))

    def k(u, v):
        return (u @ v / 3 + 1) ** 3

    def mmd2(u, v):
        across = np.mean([k(p, q) for p in u for q in v])
        return k(u[0], u[1]) + k(v[0], v[1]) - 2 * across

    expected = np.mean([mmd2(a[i : i + 2], b[i : i + 2]) for i in (0, 2)])
    assert evaluation.kernel_distance(a, b).value == pytest.approx(expected, rel=1e-9)
    same = [evaluation.kernel_distance(*rng.normal(size=(2, 60, 3))).value for _ in range(200)]
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(200)
    found = evaluation.kernel_distance(rng.normal(size=(400, 3)), rng.normal(0.5, 1.0, size=(400, 3)))
    assert found.value > 3 * found.standard_error


def test_a_classifier_finds_nothing_in_one_law_and_a_shift_in_two():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 400, 3))
    assert abs(evaluation.two_sample_accuracy(a, b) - 0.5) < 4 * evaluation.two_sample_null_sd(400)
    assert evaluation.two_sample_accuracy(a, b + 2) > 0.8


def test_sharpness_is_the_variance_of_the_laplacian():
    rng = np.random.default_rng(2)
    image = rng.random((1, 5, 6))
    inner = [[image[0, i - 1, j] + image[0, i + 1, j] + image[0, i, j - 1] + image[0, i, j + 1] - 4 * image[0, i, j]
              for j in range(1, 5)] for i in range(1, 4)]  # fmt: skip
    assert evaluation.laplacian_sharpness(image) == pytest.approx(np.var(inner), rel=1e-5)
    colour = np.repeat(image[..., None], 3, axis=-1)
    assert evaluation.laplacian_sharpness(colour) == pytest.approx(np.var(inner), rel=1e-4)
    assert evaluation.laplacian_sharpness(np.ones((2, 4, 4))) == 0
    blurred = (image[:, :-1] + image[:, 1:]) / 2
    assert evaluation.laplacian_sharpness(blurred) < evaluation.laplacian_sharpness(image)


def test_nearest():
    points, others = np.array([[0.0, 0], [3, 4]]), np.array([[0.0, 1], [3, 4], [9, 9]])
    np.testing.assert_allclose(nearest(points, others, chunk=1), [1, 0])


class Flat:
    """Pixels as features."""

    def predict(self, images, **_):
        return images.reshape(len(images), -1)[:, :4]


def test_quality_sees_blur_copies_and_lost_modes():
    rng = np.random.default_rng(3)

    def images(n):
        return np.clip(0.5 + 0.2 * rng.normal(size=(n, 4, 4, 1)), 0, 1)

    train, real, same = images(500), images(500), images(500)
    floor = evaluation.image_quality(real, same, train, Flat())
    copies = evaluation.image_quality(real, train, train, Flat())
    blurred = evaluation.image_quality(real, np.full_like(same, 0.5) + 0.1 * (same - 0.5), train, Flat())
    assert floor.nearest_train == pytest.approx(1, abs=0.1)
    assert copies.nearest_train == 0
    assert blurred.coverage < 0.5 < floor.coverage
    assert blurred.sharpness < 0.1 * floor.sharpness
    assert blurred.frechet_distance > 5 * floor.frechet_distance
    assert blurred.two_sample_accuracy > 0.7 > floor.two_sample_accuracy
    assert set(floor.as_dict("draws_")) == {f"draws_{name}" for name in vars(floor)}


def test_autoencoder_features_learn_their_images():
    rng = np.random.default_rng(4)
    x = np.repeat(np.repeat(rng.random((300, 1, 1, 3)), 8, 1), 8, 2).astype("float32")
    network, error = evaluation.train_feature_autoencoder(x, epochs=80)
    assert error < 0.5 * x.std()
    assert network.predict(x[:3], verbose=0).shape == (3, 64)
