"""Every experiment of the class tree runs in its quick preset, resumes, and reports; no quality is claimed at that size."""

import dataclasses
import json
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import tfvae
from tfvae import priors
from tfvae.data import Images
from tfvae.experiments import GaussianMixtureExperiment, Study, all_experiments, find_experiment
from tfvae.experiments.fits import run_fits, summarize
from tfvae.experiments.gamix.arms import ARMS, Sizes
from tfvae.experiments.gamix.on_images import gains
from tfvae.experiments.study import Fit
from tfvae.host.errors import UserError
from tfvae.runs import RunDirectory, load_run
from tfvae.runs.measures import meaning
from tfvae.runs.report import write_report

MIXTURES = {"num_points": 640, "epochs": 1, "num_test": 400, "num_samples": 5}
TINY = {
    "keras-notebook-mnist": {"num_train": 100, "num_test": 80, "epochs": 1},
    "keras-notebook-grey-values": {
        "num_train": 100, "num_test": 80, "epochs": 1, "num_scored": 20, "num_samples": 2
    },
    "keras-notebook-s-curve": {"epoch_share": 0.002},
    "s-curve-answer": {"num_steps": 20, "num_points": 40, "variances": (0.5, 0.1)},
    "mixture-prior-mnist": {
        "num_train": 100, "num_test": 80, "epochs": 1, "num_scored": 20, "num_samples": 2, "latent_dims": (10, 2)
    },
    "mixture-prior-likelihood": {
        "num_train": 100, "num_test": 80, "epochs": 1, "num_scored": 20, "num_samples": 2, "iwae_draws": 2
    },
    "mixture-prior-latent-size": {
        "num_train": 100, "num_test": 80, "epochs": 1, "num_scored": 20, "num_samples": 2, "latent_dims": (2, 3)
    },
    "mixture-prior-static": {
        "num_train": 100, "num_valid": 40, "num_test": 80, "epochs": 1, "num_samples": 2, "num_components": 5
    },
    "mixture-prior-cifar10": {
        "num_train": 64, "num_test": 60, "epochs": 1, "num_samples": 2, "num_scored": 10, "num_components": 3
    },
    "mixture-posterior": {
        "num_train": 100, "num_test": 80, "num_points": 300, "num_scored": 20, "num_samples": 2, "num_pairs": 5,
        "num_components": 5,
    },
    **{name: {"num_train": 60, "num_test": 50, "arms": ("vae", "gamix", "rae"), "num_components": 20}
       for name in ("gamix-faces", "gamix-digits", "gamix-cifar10")},
    **{name: {"num_train": 60, "num_test": 50, "arms": ("standard-none", "mixture-both")}
       for name in ("gan-vae-digits", "gan-vae-cifar10")},
    **{name: {"num_train": 60, "num_test": 50}
       for name in ("epanechnikov-digits", "epanechnikov-fashion", "epanechnikov-arms", "epanechnikov-cifar10",
                    "epanechnikov-faces", "epanechnikov-digits-arms")},
    "gamix-holes": {"num_train": 60, "num_test": 50},
    "poisson-labels": {"num_train": 100, "num_test": 80, "arms": ("draws", "category", "relu")},
    **{name: {"num_train": 100, "num_test": 80, "latent_dim": 8, "num_scored": 10, "num_samples": 5}
       for name in ("poisson-mnist", "poisson-convolutional", "poisson-patches")},
}  # fmt: skip
TINY["gamix-faces"] |= {"image_size": 8}


@pytest.fixture
def images(monkeypatch):
    """The image sets' shapes without their files: random pixels."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 10

    def load(name):
        shape = {"cifar10": (32, 32, 3), "celeba-faces": (16, 16, 3)}.get(name, (28, 28))
        x = [rng.random((n, *shape)).astype("float32") for n in (200, 100, 100)]
        x = [np.round(a) for a in x] if name == "binarized-mnist" else x
        return Images(x[0], labels, x[1], labels[:100], x[2], lossy=name == "cifar10")

    for module in ("keras_notebook.on_mnist", "mixture_prior.on_digits", "mixture_prior.mnist", "mixture_prior.static",
                   "mixture_prior.latent_size", "mixture_prior.cifar10", "gamix.on_images",
                   "poisson.mnist", "poisson.labels"):  # fmt: skip
        monkeypatch.setattr(f"tfvae.experiments.{module}.load_images", load)
    patches = rng.standard_normal((2, 100, 16, 16)).astype("float32")
    monkeypatch.setattr("tfvae.experiments.poisson.patches.load_patches", lambda: patches)


# The notebooks run the others' quick presets.
FAST = {
    "gaussian-mixture-demo",
    "gaussian-mixture-one-call",
    "keras-notebook-mnist",
    "mixture-prior-latent-size",
    "gamix-faces",
}
STUDIES = [name for name, cls in all_experiments().items() if issubclass(cls, Study)]
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name not in FAST)) for name in STUDIES]


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("name", NAMES)
def test_quick_preset_runs_and_reports(name, tmp_path):
    tiny = TINY.get(name, MIXTURES)
    experiment = find_experiment(name).with_preset("quick", **tiny)
    run = experiment.run(tmp_path / "run", preset="quick")
    metrics = run.read_json("metrics.json")
    fits = [fit.name for fit in experiment.fits()]
    assert [row["fit"] for row in metrics["fits"]] == fits
    assert set(run.models()) == set(fits)
    assert set(metrics["summary"]) == {fit.variant for fit in experiment.fits()}
    for row in metrics["fits"]:
        assert 0 <= row.get("bridge_mass", 0) <= 1
        assert row.get("kl", 0) >= -1e-3
    for claim in metrics["claims"]:
        assert "not in this run" in claim["measured"] or any(c.isdigit() for c in claim["measured"])
    measures = {name for row in metrics["summary"].values() for name in row} - {"seeds"}
    assert sorted(name for name in measures if not meaning(name)) == []
    page = (run.path / "report.html").read_text()
    assert "shows that the experiment runs" in page
    assert page.count("<img") == len(run.figures()) > 0
    config = run.read_json("config.json")
    assert config["arguments"].items() >= {k: list(v) if isinstance(v, tuple) else v for k, v in tiny.items()}.items()

    loaded = load_run(run.path, fits[-1])
    rows = loaded.codec.inverse(loaded.vae.sample(3))
    assert rows.shape == (3, *experiment.codec.get("images", {"shape": loaded.vae.data_shape})["shape"])
    if name != "gaussian-mixture-demo":
        return  # the resume below is one and the same code for all

    # A kill after some fits: the rest is trained, the finished ones are not touched.
    last = fits[-1]
    (run.path / f"models/{last}.keras").unlink()
    metrics["fits"] = metrics["fits"][:-1]
    (run.path / "metrics.json").write_text(json.dumps({"fits": metrics["fits"]}))
    kept = [(run.path / f"models/{name}.keras").stat().st_mtime_ns for name in fits[:-1]]
    experiment.run(tmp_path / "run", preset="quick", resume=True)
    again = run.read_json("metrics.json")
    assert [row["fit"] for row in again["fits"]] == fits
    assert [(run.path / f"models/{name}.keras").stat().st_mtime_ns for name in fits[:-1]] == kept


def test_missing_data_are_found_before_a_run_directory_is_made(monkeypatch, tmp_path):
    def nothing(name):
        raise UserError("no data")

    monkeypatch.setattr("tfvae.experiments.keras_notebook.on_mnist.load_images", nothing)
    with pytest.raises(UserError, match="no data"):
        find_experiment("keras-notebook-mnist").with_preset("quick").create_run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_document_002s_settings():
    mnist = find_experiment("keras-notebook-mnist")()
    assert (mnist.epochs, mnist.batch_size, mnist.num_train) == (50, 100, 60_000)
    fits = find_experiment("keras-notebook-s-curve")(num_seeds=1).fits()
    assert [fit.epochs for fit in fits] == [500, 500, 50, 100, 100, 100, 100, 1000, 1000]
    assert [fit.batch_size for fit in fits] == [32, 200, 200, 200, 32, 32, 32, 32, 32]
    sizes = [fit.make().count_params() for fit in fits]
    assert sizes[0] == (2 * 100 + 100) + 2 * (100 + 1) + (100 + 100) + (2 * 100 + 2)
    assert sizes[3] == (2 * 20 + 20) + (20 * 20 + 20) + 2 * (20 * 10 + 10) + (10 * 20 + 20) + (20 * 20 + 20) + (
        20 * 2 + 2
    )


def test_document_004s_settings():
    document = find_experiment("mixture-prior-mnist")()
    assert (document.epochs, document.batch_size, document.num_components) == (400, 200, 1000)
    fits = {fit.variant: fit for fit in document.fits()}
    model = fits["mixture-10"].make()
    assert [layer.units for layer in model.encoder.layers[:2]] == [400, 20]
    rates = model.optimizer.get_config()["learning_rate"]["config"]
    assert rates["boundaries"] == [25_000, 50_000, 75_000]  # steps in 100, 200 and 300 epochs
    assert rates["values"] == [1e-3, 1e-4, 1e-5, 1e-6]
    assert not model.prior.learn_weights
    likelihood = find_experiment("mixture-prior-likelihood")()
    assert (likelihood.epochs, likelihood.batch_size, likelihood.num_seeds) == (30, 100, 3)
    model = likelihood.fits()[0].make()
    assert [layer.units for layer in model.encoder.layers[:3]] == [300, 300, 20]
    # Components that start apart in many dimensions lie where no code is, and are never used.
    for name in (
        "mixture-prior-likelihood",
        "mixture-prior-static",
        "mixture-prior-latent-size",
        "mixture-prior-cifar10",
    ):
        fit = next(fit for fit in find_experiment(name)().fits() if fit.variant.startswith("mixture"))
        prior = fit.make().prior
        assert isinstance(prior.initializer, priors.NarrowComponents), name
        assert (prior.num_components, prior.learn_weights) == (500, False)


def test_the_papers_settings_are_the_documents():
    paper = GaussianMixtureExperiment.with_preset("paper")
    assert dataclasses.asdict(paper) == {
        "seed": 0, "num_points": 100_000, "epochs": 10, "batch_size": 32, "num_components": 16, "num_seeds": 5,
        "num_test": 20_000, "num_samples": 200, "depths": ("shallow", "deep"),
    }  # fmt: skip
    assert {fit.batch_size for fit in paper.fits()} == {32}
    assert len(paper.fits()) == 8 * 5


def test_unknown_names_are_one_sentence():
    with pytest.raises(UserError, match="did you mean 'gaussian-mixture'"):
        find_experiment("gauss-mixture")
    with pytest.raises(UserError, match="has no preset 'huge'"):
        GaussianMixtureExperiment.with_preset("huge")


def test_a_report_without_metrics_is_a_page(tmp_path):
    run = RunDirectory.create(tmp_path / "run", {"command": "run", "arguments": {"experiment": "<x>", "seed": 0}})
    page = write_report(run).read_text()
    assert "&lt;x&gt;" in page


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_of_the_gamix_comparison_can_be_made(arm):
    images = np.random.default_rng(0).random((30, 8, 8, 3)).astype("float32")
    model = ARMS[arm][1](Sizes((8, 8, 3), 4, 4, 1e-3, 20), images, 0)
    assert model.compiled
    assert model.decoder.output_shape == (None, 8, 8, 3)
    terms = model.test_step(tf.constant(images))
    assert np.isfinite(float(terms["loss"]))


def test_published_faces_come_from_a_folder(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setenv("TFVAE_DATA", str(tmp_path))
    small = {"image_size": 8, "num_train": 10, "num_test": 2, "batch_size": 4}
    published = find_experiment("gamix-faces").with_preset("published", **small)
    with pytest.raises(UserError, match="a folder that holds a folder celeba_hq_256 of images"):
        published.check()
    (tmp_path / "celeba_hq_256").mkdir()
    for k in range(12):
        image = np.full((16, 16, 3), 10 * k, "uint8")
        Image.fromarray(image).save(tmp_path / "celeba_hq_256" / f"{k}.png")
    published.check()
    train, _, real, others = published.data
    assert (train.shape, real.shape, others.shape) == ((8, 8, 8, 3), (2, 8, 8, 3), (2, 8, 8, 3))
    values = np.concatenate([train, real, others])[:, 0, 0, 0]
    np.testing.assert_allclose(np.sort(values), np.arange(12) * 10 / 255, rtol=1e-6)
    (batch, *_) = published.training_data(published.fits()[0])(0).as_numpy_iterator()
    assert batch.shape == (4, 8, 8, 3)
    with pytest.raises(UserError, match="which `image_size` must divide: 48 does not"):
        find_experiment("gamix-faces").with_preset("paper", image_size=48).check()
    with pytest.raises(UserError, match="has 12 images, but 12 are held out"):
        find_experiment("gamix-faces").with_preset("published", num_test=6).check()


def test_own_tables_are_compared_and_resumed(tmp_path):
    study = find_experiment("own-tables").with_preset("quick")
    run = study.run(tmp_path / "run", preset="quick")
    metrics = run.read_json("metrics.json")
    assert [row["fit"] for row in metrics["fits"]] == ["wine-1"]
    assert metrics["within"][0]["tables"] == 1
    assert metrics["fits"][0]["gain"] == pytest.approx(metrics["fits"][0]["baseline_nll"] - metrics["fits"][0]["nll"])
    assert not [name for name in metrics["summary"]["wine"] if name != "seeds" and not meaning(name)]
    study.run(tmp_path / "run", preset="quick", resume=True)
    assert run.read_json("metrics.json")["fits"] == metrics["fits"]


def test_tables_of_random_mixtures(tmp_path):
    tables = find_experiment("gaussian-mixture-tables").with_preset("quick", num_tables=1, num_test=100)
    run = tables.run(tmp_path / "run", preset="quick")
    (row,) = run.read_json("metrics.json")["fits"]
    assert row["nll_gap"] < 1
    assert row["modes_covered_share"] > 0.5
    assert load_run(run.path / "fits" / "0").sample(3).shape == (3, row["columns"])
    before = (run.path / "fits" / "0" / "model.keras").stat().st_mtime_ns
    tables.run(tmp_path / "run", preset="quick", resume=True)
    assert (run.path / "fits" / "0" / "model.keras").stat().st_mtime_ns == before


def test_gains_over_the_cures_are_paired_by_the_seed():
    distances = {("vae", 0): (9, 5), ("vae", 1): (8, 7), ("gamix", 0): (4, 2), ("gamix", 1): (3, 2)}
    columns = ["variant", "seed", "draws_frechet_distance", "mixture_draws_frechet_distance"]
    rows = pd.DataFrame([(*fit, *found) for fit, found in distances.items()], columns=columns)
    own, draws, mixture = gains(rows, ("vae", "rae"))  # there is no rae
    assert (own["arm"], own["draws of"], own["gain"]) == ("vae", "the prior", (5 - 9 + 7 - 8) / 2)
    assert (draws["arm"], draws["over"], draws["seeds"]) == ("gamix", "vae + mixture", 2)
    assert (draws["gain"], draws["standard error"]) == ((1 + 4) / 2, pytest.approx(np.std([1, 4], ddof=1) / np.sqrt(2)))
    assert mixture["gain"] == (3 + 5) / 2


@pytest.mark.slow
def test_a_step_of_the_published_size():
    """Two images of 256 × 256 through every network, forward and back; ten need 5 times the memory."""
    published = find_experiment("gamix-faces").with_preset("published")
    sizes = Sizes((256, 256, 3), published.latent_dim, published.width, published.learning_rate, 100)
    model = ARMS["gamix"][1](sizes, None, 0)
    assert model.count_params() == 10_982_066 + 412_101
    images = np.random.default_rng(0).random((2, 256, 256, 3)).astype("float32")
    before = [np.array(w) for w in model.get_weights()]
    history = model.fit(images, batch_size=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    moved = [np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert sum(moved) > 200


def test_a_fit_that_diverges_stops_no_other(tmp_path):
    def make(learning_rate):
        return tfvae.make_dense_vae(2, 2, (4,), optimizer=keras.optimizers.SGD(learning_rate))

    rates = {"lost": 1e9, "found": 1e-3}
    fits = [Fit(name, 0, lambda rate=rate: make(rate), None, 2, 16) for name, rate in rates.items()]
    study, run = SimpleNamespace(fits=lambda: fits, seed=0), RunDirectory(tmp_path / "run")
    x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    for _ in range(2):  # also where it is resumed
        models, _, rows = run_fits(study, run, lambda fit: {"x": x}, lambda *_: {"nll": 1.0})
        assert list(models) == ["found"]
        assert "diverged" in rows["diverged"][0]
        assert pd.isna(rows["diverged"][1])
        assert summarize(rows, ["nll"])["found"]["nll"]["mean"] == 1
        assert list(summarize(rows, ["nll"])) == ["found"]


def test_what_is_measured_is_trained_again_for_its_figures_alone(tmp_path):
    def make():
        return tfvae.make_dense_vae(2, 1, (4,))

    fits = [Fit("vae", seed, make, None, 1, 32) for seed in (0, 1)]
    study, run = SimpleNamespace(fits=lambda: fits, seed=0), RunDirectory(tmp_path / "run")
    x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    _, _, before = run_fits(study, run, lambda fit: {"x": x}, lambda model, history, fit: {"nll": float(fit.seed)})
    for path in run.models().values():
        path.unlink()
    models, _, after = run_fits(study, run, lambda fit: {"x": x}, lambda *_: {"nll": 9.0})
    assert list(run.models()) == ["vae-seed0"]
    assert list(models) == ["vae"]
    pd.testing.assert_frame_equal(before, after)
