"""Figures that need more than to be drawn: what they show is checked where it can be."""

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import tfvae
from tfvae import data, plots
from tfvae.models import layer_graph


def test_tiled_puts_each_image_in_its_place():
    images = np.arange(5 * 2 * 3).reshape(5, 2, 3)
    canvas = data.tiled(images, columns=2)
    assert canvas.shape == (3 * 3, 2 * 4)
    np.testing.assert_array_equal(canvas[3:5, 4:7], images[3])
    assert np.isnan(canvas[2]).all()
    colour = data.tiled(np.zeros((3, 2, 2, 3)), columns=2)
    assert colour.shape == (2 * 3, 2 * 3, 3)
    assert colour[0, 2, 0] == 1


def test_rows_of_images_are_of_one_length():
    with pytest.raises(ValueError, match=r"as many images each, but have \[3, 2\]"):
        plots.image_rows({"a": np.zeros((3, 2, 2)), "b": np.zeros((2, 2, 2))})


@pytest.mark.parametrize(
    "values", [[1e300, -1e300, 3.0], [0.001, 0.002, 0.002], [np.inf, 1.0, 1.0], [np.inf] * 3, range(40)]
)
def test_histograms_of_any_numbers(values):
    frame = pd.DataFrame({"x": np.asarray(values, float), "day": pd.Timestamp("2020-02-29")})
    plots.column_histograms({"rows": frame, "draws": frame}).canvas.draw()


def test_manifold_codes_are_the_documents_grid():
    codes = plots.manifold_codes(3)
    ticks = norm.ppf([0.05, 0.5, 0.95])
    np.testing.assert_allclose(codes[:3], [[t, ticks[0]] for t in ticks], atol=1e-6)
    assert plots.manifold_codes().shape == (225, 2)


def test_the_graph_of_a_functional_model():
    nodes, edges = layer_graph(tfvae.make_vae(784)[0])
    assert len(nodes) == 10
    assert nodes["decoded_mean"] == "Dense\n(B, 784)"
    into_loss = {a for a, b in edges if b.startswith("variational_layer")}
    assert {"decoded_mean", "z_mean", "z_log_var"} < into_loss
    assert len(into_loss) == 4
    assert plots.layer_boxes(nodes, edges, "a VAE").axes
    with pytest.raises(ValueError, match="not a functional model"):
        layer_graph(tfvae.make_dense_vae(2, 1, (3,)))
    chain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="a"), keras.layers.Dense(1, name="b")])
    assert layer_graph(chain)[1] == [("a", "b")]
