"""The command on images: a folder fitted, and the run used."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import tfvae
from tests.cli.test_tables import tfvae_command  # noqa: F401  (a fixture)
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
    assert {p.stem for p in (run / "figures").glob("*.png")} == {
        "1-loss", "2-data", "3-reconstructions", "4-means", "5-draws", "6-latent"
    }  # fmt: skip
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
