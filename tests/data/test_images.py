"""Images: the known sets where they are, folders, binarization, the codec, and what is said of broken ones."""

import io

import numpy as np
import pytest
from PIL import Image

from tfvae.codecs.image_codec import ImageCodec
from tfvae.codecs.of_run import codec_of
from tfvae.data import binarize, dynamically_binarized, images, load_image_folder, load_images, randomly_mirrored
from tfvae.data.image_folder import ImageFolder
from tfvae.host.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """Six grey images of 6 x 5 pixels in two subfolders."""
    rng = np.random.default_rng(0)
    for k in range(6):
        path = tmp_path / "images" / "ab"[k % 2] / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (6, 5), dtype="uint8")).save(path)
    return tmp_path / "images"


@pytest.fixture
def mnist_like(tmp_path, monkeypatch):
    """A folder TFVAE_DATA with an MNIST of 30 + 10 images, and a CIFAR-10 of 4 + 2 JPEG copies."""
    rng = np.random.default_rng(0)
    part = {f"x_{p}": rng.integers(0, 256, (n, 28, 28), dtype="uint8") for p, n in (("train", 30), ("test", 10))}
    np.savez(tmp_path / "mnist.npz", **part, y_train=np.arange(30) % 10, y_test=np.arange(10))
    packed = {}
    for p, n in (("train", 4), ("test", 2)):
        buffers = [io.BytesIO() for _ in range(n)]
        for buffer in buffers:
            Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype="uint8")).save(buffer, format="jpeg")
        pieces = [np.frombuffer(b.getvalue(), "uint8") for b in buffers]
        packed |= {f"jpeg_{p}": np.concatenate(pieces), f"y_{p}": np.arange(n)}
        packed[f"offsets_{p}"] = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])])
    np.savez(tmp_path / "cifar10_jpeg.npz", **packed)
    monkeypatch.setenv("TFVAE_DATA", str(tmp_path))
    return tmp_path


def test_sets_are_float32_in_the_unit_interval(mnist_like):
    for name, shape in (("mnist", (28, 28)), ("cifar10", (32, 32, 3)), ("digits", (8, 8))):
        found = load_images(name)
        assert found.x_train.dtype == np.float32
        assert found.x_train.shape[1:] == found.x_test.shape[1:] == shape
        assert found.x_train.min() >= 0
        assert 0.5 < found.x_train.max() <= 1
        assert len(found.y_train) == len(found.x_train)
        assert found.flat().x_test.shape == (len(found.x_test), np.prod(shape))
        assert found.lossy == (name == "cifar10")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "binarized-mnist", "cifar10"])
def test_real_sets(name):
    """Where TFVAE_DATA has them: the pixels' mean, which betrays a wrong scale or a wrong file."""
    import os

    if not os.environ.get("TFVAE_DATA"):
        pytest.skip("TFVAE_DATA is not set")
    means = {"mnist": 0.1307, "fashion-mnist": 0.2860, "binarized-mnist": 0.1306, "cifar10": 0.4734}
    found = load_images(name)
    assert float(found.x_train.mean(dtype="float64")) == pytest.approx(means[name], abs=2e-4)
    assert len(found.x_test) == 10_000
    assert len(found.x_train) == (50_000 if name in ("binarized-mnist", "cifar10") else 60_000)


def test_missing_and_broken_sets_are_one_sentence(tmp_path, monkeypatch):
    import keras

    monkeypatch.setenv("TFVAE_DATA", str(tmp_path))
    with pytest.raises(UserError, match="no image set 'imagenet': choose one of mnist"):
        load_images("imagenet")
    with pytest.raises(UserError, match=r"set TFVAE_DATA to a folder that holds binarized_mnist\.npz"):
        load_images("binarized-mnist")

    def no_network():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", no_network)
    with pytest.raises(UserError, match=r"cannot be downloaded \(URL fetch failure\): set TFVAE_DATA"):
        load_images("mnist")
    np.savez(tmp_path / "mnist.npz", pictures=np.zeros(3))
    with pytest.raises(UserError, match=r"mnist\.npz cannot be read, it is damaged or truncated"):
        load_images("mnist")
    (tmp_path / "mnist.npz").write_bytes(b"PK\x03\x04 truncated")
    with pytest.raises(UserError, match=r"mnist\.npz cannot be read, it is damaged or truncated"):
        load_images("mnist")


def test_downloaded_sets_are_the_same_thing(monkeypatch):
    import keras

    rng = np.random.default_rng(0)
    parts = [(rng.integers(0, 256, (n, 32, 32, 3), dtype="uint8"), np.zeros((n, 1), int)) for n in (4, 2)]
    monkeypatch.delenv("TFVAE_DATA", raising=False)
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: parts)
    found = load_images("cifar10")
    np.testing.assert_allclose(found.x_train, parts[0][0] / 255, rtol=1e-6)
    assert found.y_train.shape == (4,)
    assert not found.lossy


def test_folder(folder):
    x, labels = load_image_folder(folder, labels="inferred")
    assert x.shape == (6, 6, 5, 1)
    assert x.dtype == np.float32
    assert 0 <= x.min() < x.max() <= 1
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    first = np.asarray(Image.open(folder / "a" / "0.png")) / 255
    np.testing.assert_allclose(x[0, ..., 0], first, atol=1e-6)
    assert load_image_folder(folder, (3, 4), "rgb")[0].shape == (6, 3, 4, 3)


def test_folders_with_images_at_their_root_and_hidden_ones(folder):
    (folder / ".thumbs").mkdir()
    Image.fromarray(np.zeros((2, 2), "uint8")).save(folder / ".thumbs" / "0.png")
    assert load_image_folder(folder, labels="inferred")[0].shape == (6, 6, 5, 1)
    Image.fromarray(np.zeros((6, 5), "uint8")).save(folder / "at_root.png")
    found = ImageFolder(folder)
    assert found.read().shape == (7, 6, 5, 1)
    assert found.labels() is None  # some have no folder to be named by


def test_batches_stream_in_an_order_of_the_seed_and_the_epoch(folder):
    images, rows = ImageFolder(folder), [5, 0, 3, 2, 1]
    whole = images.read()
    np.testing.assert_array_equal(np.concatenate(list(images.batches(rows, 2).as_numpy_iterator())), whole[rows])
    data = images.batches(rows, 2, seed=7)
    assert len(data) == 3
    first, second = (np.concatenate(list(data.as_numpy_iterator())) for _ in range(2))
    assert not np.array_equal(first, second)
    later = images.batches(rows, 2, seed=7, initial_epoch=1)
    np.testing.assert_array_equal(np.concatenate(list(later.as_numpy_iterator())), second)
    for epoch in (first, second):
        assert sorted(map(np.sum, epoch)) == pytest.approx(sorted(map(np.sum, whole[rows])))


def test_errors_that_are_not_of_the_files_stay_what_they_are(folder):
    import tensorflow as tf

    with (
        pytest.raises(tf.errors.InvalidArgumentError, match="of the model"),
        ImageFolder(folder).naming_what_is_damaged(),
    ):
        raise tf.errors.InvalidArgumentError(None, None, "of the model")


def test_a_folder_has_another_hash_when_it_has_changed(folder):
    before = ImageFolder(folder).hash()
    assert ImageFolder(folder).hash() == before
    (folder / "a" / "0.png").unlink()
    assert ImageFolder(folder).hash() != before


def test_folders_that_cannot_be_used(folder, tmp_path):
    with pytest.raises(UserError, match="There is no folder"):
        load_image_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no image that can be read"):
        load_image_folder(tmp_path / "empty")
    whole = (folder / "b" / "3.png").read_bytes()
    (folder / "b" / "3.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"3\.png cannot be read: it is damaged or not an image"):
        load_image_folder(folder)


def test_binarization_is_seeded_and_has_the_pixels_as_means():
    x = np.tile(np.linspace(0, 1, 5, dtype="float32"), (4000, 1))
    drawn = binarize(x, seed=1)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    np.testing.assert_array_equal(drawn, binarize(x, seed=1))
    assert (drawn != binarize(x, seed=2)).any()
    # Five standard errors of a mean of 4000 draws: an error probability below 1e-5.
    np.testing.assert_allclose(drawn.mean(axis=0), x[0], atol=5 * 0.5 / np.sqrt(4000))
    for bad in (2 * x, -x, np.array([np.nan, 0.5])):
        with pytest.raises(ValueError, match="divide pixels of 0 to 255 by 255"):
            binarize(bad, seed=0)


def test_dynamic_binarization_draws_anew_in_every_epoch():
    x = np.random.default_rng(0).random((50, 6)).astype("float32")
    dataset = dynamically_binarized(x, 16, seed=3, shuffle=False)
    first, second = (np.concatenate(list(dataset.as_numpy_iterator())) for _ in range(2))
    assert first.shape == x.shape
    assert len(dataset) == 4
    assert (first != second).any()
    np.testing.assert_array_equal(
        first, np.concatenate(list(dynamically_binarized(x, 16, seed=3, shuffle=False).as_numpy_iterator()))
    )
    grey = np.tile(np.linspace(0, 1, 5, dtype="float32"), (4000, 1))
    drawn = np.concatenate(list(dynamically_binarized(grey, 1000).as_numpy_iterator()))
    # Five standard errors of a mean of 4000 draws: an error probability below 1e-5.
    np.testing.assert_allclose(drawn.mean(axis=0), grey[0], atol=5 * 0.5 / np.sqrt(4000))


def test_images_are_mirrored_by_a_coin_of_the_seed_and_the_epoch():
    x = np.random.default_rng(0).random((200, 2, 3, 1)).astype("float32")
    data = randomly_mirrored(x, 32, seed=1, shuffle=False)
    first, second = (np.concatenate(list(data.as_numpy_iterator())) for _ in range(2))
    again = np.concatenate(list(randomly_mirrored(x, 32, 1, False, initial_epoch=1).as_numpy_iterator()))
    np.testing.assert_array_equal(second, again)
    heads = (first == x[:, :, ::-1]).all(axis=(1, 2, 3))
    assert ((first == x).all(axis=(1, 2, 3)) ^ heads).all()
    assert 70 < heads.sum() < 130  # of 200 fair coins
    assert (first != second).any()


def test_codec_round_trip_and_checks(tmp_path):
    x = np.random.default_rng(0).random((7, 4, 5)).astype("float32")
    codec = ImageCodec.fit(x)
    assert codec == ImageCodec((4, 5), binary=False)
    assert codec_of({"images": codec.to_config()}) == codec
    np.testing.assert_array_equal(codec.inverse(codec.transform(x)), x)
    for suffix in (".npy", ".npz"):
        codec.write(x, tmp_path / f"x{suffix}")
        np.testing.assert_array_equal(codec.read(tmp_path / f"x{suffix}"), x)
    codec.write(x, tmp_path / "x.png")
    assert Image.open(tmp_path / "x.png").size == (10 * 6, 1 * 5)
    with pytest.raises(UserError, match=r"have shape \(4, 4\), but this model takes \(4, 5\)"):
        codec.check(x[:, :, :4])
    with pytest.raises(UserError, match="divide pixels of 0 to 255 by 255"):
        codec.check(255 * x)
    with pytest.raises(UserError, match="binarize them first"):
        ImageCodec((4, 5), binary=True).check(x)
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    with pytest.raises(UserError, match="damaged or truncated"):
        codec.read(tmp_path / "bad.npy")


def test_known_sets_have_one_line_each():
    assert all(what for _, what in images.KNOWN.values())


def test_images_are_cropped_at_the_centre_and_not_stretched(tmp_path):
    wide = np.zeros((20, 40, 3), "uint8")
    wide[:, 10:30] = 255  # white in the middle, black at both sides
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(wide.transpose(1, 0, 2)).save(tmp_path / "x_tall.png")
    images = ImageFolder(tmp_path, (10, 10)).read()
    assert images.shape == (2, 10, 10, 3)
    assert images.min() > 0.9
