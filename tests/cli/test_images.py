"""The command on images: a folder fitted, and the run used."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import tfvae
from tests.cli.test_tables import tfvae_command  # noqa: F401  (a fixture)
from tfvae import priors
from tfvae.codecs.image_codec import ImageCodec


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ninety images of 6 x 5 pixels: a bright bar on the left or on the right."""
    path, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for k in range(90):
        image = rng.integers(0, 60, (6, 5), dtype="uint8")
        image[:, 0 if k % 2 else 4] += 150
        target = path / ("right", "left")[k % 2] / f"{k}.png"
        target.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(target)
    return path


@pytest.fixture
def run(folder, tmp_path, tfvae_command):  # noqa: F811
    arguments = ["--epochs", 3, "--hidden", "16", "--latent-dim", 2, "--num-components", 3, "--out", tmp_path / "run"]
    status, out, err = tfvae_command("fit", folder, *arguments)
    assert status == 0, err
    assert "held-out −log p(x), tfvae" in out
    assert "independent pixels (Gaussian" in out
    return tmp_path / "run"


def test_a_folder_is_fitted_and_the_run_used(run, folder, tmp_path, tfvae_command):  # noqa: F811
    assert {p.stem for p in (run / "figures").glob("*.png")} == {"1-images", "2-means", "3-latent", "4-loss"}
    files = {name: tmp_path / name for name in ("s.png", "s.npz", "z.csv", "m.npy", "scores.csv", "again.csv")}
    for arguments in (
        ["sample", run, "-n", 25, "-o", files["s.png"]],
        ["sample", run, "-n", 25, "-o", files["s.npz"]],
        ["encode", run, folder, "-o", files["z.csv"]],
        ["decode", run, files["z.csv"], "-o", files["m.npy"]],
        ["score", run, folder, "-o", files["scores.csv"]],
        ["score", run, files["s.npz"], "-o", files["again.csv"]],
        ["report", run],
    ):
        status, _, err = tfvae_command(*arguments)
        assert status == 0, err
    assert Image.open(files["s.png"]).size == (10 * 6, 3 * 7)
    samples = np.load(files["s.npz"])["x"]
    assert samples.shape == (25, 6, 5)
    assert 0 <= samples.min() <= samples.max() <= 1
    assert list(pd.read_csv(files["z.csv"]).columns) == ["z0_mean", "z1_mean", "z0_sd", "z1_sd"]
    assert np.load(files["m.npy"]).shape == (90, 6, 5)
    assert np.isfinite(pd.read_csv(files["scores.csv"])).all().all()
    loaded = tfvae.load_run(run)
    assert loaded.codec == ImageCodec((6, 5))

    np.save(tmp_path / "wide.npy", np.zeros((3, 6, 6)))
    np.save(tmp_path / "bytes.npy", np.full((3, 6, 5), 200, "uint8"))
    for data, message in (("wide.npy", "have shape (6, 6)"), ("bytes.npy", "divide pixels of 0 to 255 by 255")):
        status, _, err = tfvae_command("score", run, tmp_path / data, "-o", tmp_path / "x.csv")
        assert (status, message in err, len(err.splitlines())) == (2, True, 1), err
    status, _, err = tfvae_command("sample", run, "-o", tmp_path / "x.csv")
    assert (status, "ends in .npy, .npz or .png" in err) == (2, True)
    status, _, err = tfvae_command("fit", folder, "--out", run, "--resume", "--epochs", 3, "--hidden", "16",
                                     "--latent-dim", 2, "--num-components", 3)  # fmt: skip
    assert status == 0, err


def test_one_latent_dimension_and_options_of_tables(folder, tmp_path, tfvae_command):  # noqa: F811
    arguments = ["--epochs", 1, "--hidden", "4", "--latent-dim", 1, "--out", tmp_path / "run"]
    status, _, err = tfvae_command("fit", folder, *arguments)
    assert status == 0, err
    for wrong, message in (
        (["fit", folder, "--missing", "drop"], "--missing is for tables"),
        (["fit", folder, "--latent-density", "mixture:500", "--out", tmp_path / "x"], "needs 500 images to train on"),
        (["fit", folder, "--latent-density", "kde", "--out", tmp_path / "x"], "must be mixture, mixture:K, flow"),
        (["fit", "mnist", "--image-size", 14], "mnist is a set of one size"),
        (["fit", folder, "--out", tmp_path / "run"], "already exists"),
        (["encode", tmp_path / "run", "nowhere/", "-o", tmp_path / "x.csv"], "There is no folder, .npy or .npz file"),
        (["encode", tmp_path / "run", folder, "-o", tmp_path / "x.xyz"], "give a name that ends in"),
    ):
        status, _, err = tfvae_command(*wrong)
        assert (status, message in err, len(err.splitlines())) == (2, True, 1), err


def test_a_known_set_by_name(tfvae_command, tmp_path, monkeypatch):  # noqa: F811
    rng = np.random.default_rng(0)
    parts = {f"x_{p}": rng.integers(0, 2, (n, 28, 28), dtype="uint8") for p, n in (("train", 60), ("test", 30))}
    np.savez(tmp_path / "binarized_mnist.npz", **parts, y_test=np.arange(30) % 10)
    monkeypatch.setenv("TFVAE_DATA", str(tmp_path))
    out = tmp_path / "run"
    arguments = ["--model", "standard-prior", "--epochs", 1, "--hidden", "8", "--latent-dim", 3, "--out", out]
    status, printed, err = tfvae_command("fit", "binarized-mnist", *arguments)
    assert status == 0, err
    assert "independent pixels (Bernoulli)" in printed
    loaded = tfvae.load_run(out)
    assert loaded.codec.binary
    assert loaded.config["data"]["images"] == 60
    status, _, err = tfvae_command("score", out, "digits", "-o", tmp_path / "x.csv")
    assert (status, "have shape (8, 8)" in err) == (2, True)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Sixty colour images of 16 x 16 pixels."""
    path, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for k in range(60):
        image = rng.integers(0, 60, (16, 16, 3), dtype="uint8")
        image[:, 8 * (k % 2) :, k % 3] += 150
        Image.fromarray(image).save(path / f"{k}.png")
    return path


def test_convolutions_are_the_default_for_photos(photos, tmp_path, tfvae_command, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    status, _, err = tfvae_command("fit", photos, "--epochs", 2, "--latent-dim", 3, "--hidden", "4,8")
    assert status == 0, err
    run = tfvae.load_run(tmp_path / "runs" / photos.name)
    assert run.config["arguments"]["model"] == "convolutional"
    assert run.codec == ImageCodec((16, 16, 3))
    assert run.sample(5, seed=0).shape == (5, 16, 16, 3)
    assert len(run.score(photos)) == 60
    status, _, err = tfvae_command("fit", photos, "--image-size", 15, "--model", "convolutional", "--out", "x")
    assert (status, "15 × 15 cannot be halved: give an --image-size such as 32 or 64" in err) == (2, True), err
    status, _, err = tfvae_command("fit", photos, "--model", "gamix", "--hidden", "8,8", "--out", "x")
    assert (status, "The model gamix has one width: give --hidden one number" in err) == (2, True), err
    status, _, err = tfvae_command("fit", photos, "--model", "gamix", "--prior", "mixture:5", "--out", "x")
    assert (status, "holds its codes near N(0, I): leave out the --prior mixture:5" in err) == (2, True), err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(("model", "hidden"), [pytest.param("gamix", "4", marks=pytest.mark.slow), ("vae-gan", "4,8")])
def test_adversarial_models_for_photos(photos, tmp_path, tfvae_command, model, hidden):  # noqa: F811
    run = tmp_path / "run"
    sizes = ["--epochs", 1, "--latent-dim", 3, "--hidden", hidden, "--batch-size", 18, "--image-size", 8]
    status, _, err = tfvae_command("fit", photos, "--model", model, "--out", run, *sizes)
    assert status == 0, err
    status, _, err = tfvae_command("sample", run, "-n", 4, "-o", tmp_path / "s.npz")
    assert (status, np.load(tmp_path / "s.npz")["x"].shape) == (0, (4, 8, 8, 3)), err
    verdict = tfvae.load_run(run).metrics["verdict"]
    assert "not trained on a bound of log p(x) alone" in verdict["headline"]
    assert verdict["good"] is None


def test_the_epanechnikov_model_draws_by_a_density_of_its_codes(photos, tmp_path, tfvae_command):  # noqa: F811
    run = tmp_path / "run"
    sizes = ["--epochs", 1, "--latent-dim", 3, "--hidden", "4", "--image-size", 12]
    status, _, err = tfvae_command("fit", photos, "--model", "epanechnikov", "--out", run, *sizes)
    assert status == 0, err
    loaded = tfvae.load_run(run)
    assert isinstance(loaded.vae.prior, priors.FullMixturePrior)
    assert loaded.sample(4, seed=0).shape == (4, 12, 12, 3)
    assert np.isfinite(loaded.score(photos).iloc[:, 0]).all()
    for wrong, message in (
        (["--hidden", "4,8"], "The model epanechnikov has one width: give --hidden one number"),
        (["--prior", "mixture:5"], "has the prior that its noise is of: leave out the --prior mixture:5"),
    ):
        status, _, err = tfvae_command("fit", photos, "--model", "epanechnikov", "--out", tmp_path / "x", *wrong)
        assert (status, message in err) == (2, True), err


def test_a_folder_too_large_for_memory_is_streamed(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("tfvae.workflows.image_parts.HELD_BYTES", 0)
    settings = {"model": "convolutional", "latent_dim": 3, "hidden": (4,), "num_components": 3, "batch_size": 16}
    settings |= {"verbose": 0, "checkpoint_seconds": 0.0}
    whole = tfvae.fit_images(photos, tmp_path / "whole", epochs=3, **settings)
    assert whole.metrics["images_trained"] == 48
    assert any("48 training images are streamed from disk" in note for note in whole.metrics["notes"])
    assert isinstance(whole.vae.prior, priors.FullMixturePrior)
    assert any("fitted to the codes of training images after the training" in note for note in whole.metrics["notes"])
    as_trained = tfvae.fit_images(photos, tmp_path / "trained", epochs=1, **settings, latent_density="none")
    assert isinstance(as_trained.vae.prior, priors.MixturePrior)
    run = tfvae.fit_images(photos, tmp_path / "again", epochs=3, **settings)  # in the same order
    for a, b in zip(whole.vae.get_weights(), run.vae.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in photos.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "7.png").write_bytes(b"no image")
    with pytest.raises(tfvae.UserError, match=r"7\.png cannot be read: it is damaged or not an image"):
        tfvae.fit_images(broken, tmp_path / "broken_run", epochs=1, **settings)
