"""The workflows from Python: what the command does, in the data's own units."""

import numpy as np
import pandas as pd
import pytest

import tfvae
from tfvae.workflows.fit_haplotypes import fit_haplotypes
from tfvae.workflows.haplotype_options import HaplotypeOptions

QUICK = {"epochs": 2, "hidden": (8,), "num_components": 3}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 3, 300)
    return pd.DataFrame(
        {
            "length": rng.normal(10 * group, 1.0),
            "count": rng.poisson(5, 300),
            "colour": np.array(["r", "g", "b"])[group],
        }
    )


@pytest.fixture(scope="module")
def run(frame, tmp_path_factory):
    return tfvae.fit_table(frame, tmp_path_factory.mktemp("table") / "run", verbose=0, **QUICK)


def test_a_table_comes_back_in_its_own_columns_and_units(run, frame):
    drawn = run.sample(50, seed=1)
    assert drawn.dtypes.to_dict() == frame.dtypes.to_dict()
    pd.testing.assert_frame_equal(drawn, run.sample(50, seed=1))
    codes = run.encode(frame[:20])
    size = run.vae.latent_shape[0]
    assert list(codes.columns) == [f"z{d}_{what}" for what in ("mean", "sd") for d in range(size)]
    assert run.decode(codes).shape == (20, 3)
    assert run.decode(codes.to_numpy()[:, :size], seed=3)["colour"].isin(["r", "g", "b"]).all()
    scores = run.score(frame[:20], num_samples=50)
    assert list(scores.columns) == [
        "row",
        "log_likelihood",
        "standard_error",
        "effective_sample_size",
        "percentile",
        "reason",
    ]
    assert scores["percentile"].between(0, 100).all()
    assert np.isfinite(scores["log_likelihood"]).all()
    assert run.metrics["nll"] == run.metrics["comparison"][0]["nll"]
    assert run.report().exists()
    assert len(run.history) == 2
    again = tfvae.load_run(run.directory.path)
    pd.testing.assert_frame_equal(again.score(frame[:20], num_samples=50), scores)
    annealed = run.estimate(frame[:5], 20, annealed=True, num_chains=4)
    assert annealed.acceptance.shape == (5,)


def test_the_codec_has_seen_the_training_rows_alone(frame, tmp_path):
    """A held-out row moves no mean, no range and no category; one that training has not seen is left out and said."""
    from tfvae.data.tables import split_rows

    train, _, held_out = split_rows(len(frame), 0.1, 0)
    odd = frame.copy()
    odd.loc[held_out[0], "length"] = 1e6
    odd.loc[held_out[1], "colour"] = "violet"
    run = tfvae.fit_table(odd, tmp_path / "run", verbose=0, **QUICK)
    length, _, colour = run.codec.columns
    assert length.high == frame["length"].iloc[train].max()
    assert colour.categories == ("b", "g", "r")
    assert run.metrics["rows_held_out"] == len(held_out) - 1
    assert any("left out of validation and evaluation: 1" in note for note in run.metrics["notes"])


def test_options_are_one_object_and_mistakes_are_said_before_any_work(frame, tmp_path):
    options = tfvae.TableOptions(epochs=1, hidden=[8])
    assert options.hidden == (8,)
    run = tfvae.fit_table(frame, tmp_path / "run", options, verbose=0, model="gaussian")
    assert run.config["arguments"]["model"] == "gaussian"
    with pytest.raises(tfvae.UserError, match="already exists: give another `out`"):
        tfvae.fit_table(frame, tmp_path / "run", options, verbose=0)
    with pytest.raises(TypeError, match="There is no option 'epoch'; there are model, prior"):
        tfvae.fit_table(frame, tmp_path / "b", epoch=1)
    for changes, message in (
        ({"holdout": 2}, "`holdout` must be between 0 and 1"),
        ({"missing": "guess"}, "`missing` must be model, drop or refuse"),
        ({"prior": "vamp:400"}, "starts from 400 rows, but there are only"),
        ({"columns": "width"}, "There is no column 'width'"),
        ({"epochs": 0}, "`epochs` must be at least 1"),
    ):
        with pytest.raises(tfvae.UserError, match=message):
            tfvae.fit_table(frame, tmp_path / "b", verbose=0, **changes)
    with pytest.raises(tfvae.UserError, match="`data` must be a DataFrame"):
        tfvae.fit_table([1, 2], tmp_path / "b")
    with pytest.raises(tfvae.UserError, match="12 of 300 rows have missing values"):
        tfvae.fit_table(frame.assign(length=frame["length"].mask(frame.index < 12)), tmp_path / "b", missing="refuse")
    assert not (tmp_path / "b").exists()


def test_images_from_an_array(tmp_path):
    images = np.random.default_rng(0).random((120, 6, 5)).astype("float32")
    run = tfvae.fit_images(images, tmp_path / "run", verbose=0, latent_dim=2, **QUICK)
    assert run.sample(3).shape == (3, 6, 5)
    assert run.decode(run.encode(images[:4])).shape == (4, 6, 5)
    assert np.isfinite(run.score(images[:4], 20)["log_likelihood"]).all()
    with pytest.raises(tfvae.UserError, match=r"`data` must be images \(n, H, W\)"):
        tfvae.fit_images(images[0, 0])


def test_without_a_folder_a_temporary_one_is_made(frame):
    run = tfvae.fit_table(frame, verbose=0, **QUICK)
    assert (run.directory.path / "report.html").exists()


def test_another_model_brings_its_own_recipe():
    options = HaplotypeOptions(seed=1)
    assert HaplotypeOptions.with_recipe(options, model="incumbent") == HaplotypeOptions(seed=1, model="incumbent")


def test_a_failed_reading_leaves_what_the_folder_had(tmp_path):
    (tmp_path / "out" / ".git").mkdir(parents=True)
    (tmp_path / "bad.vcf").write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta\n1\tx"
    )
    with pytest.raises(tfvae.UserError):
        fit_haplotypes(tmp_path / "bad.vcf", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".git"]


def test_a_training_that_diverges_is_tried_again_more_slowly(monkeypatch, capsys):
    from tfvae.host.errors import DivergedError
    from tfvae.workflows import fitting

    rates = []

    def fit_in_run(run, make_model, *args, **kwargs):
        model = make_model()
        rates.append(float(model.optimizer.learning_rate))
        if len(rates) < 3:
            raise DivergedError("diverged")
        return model, None

    monkeypatch.setattr(fitting.runs, "fit_in_run", fit_in_run)
    options = tfvae.TableOptions()
    model, _ = fitting.fit_until_worse(
        None, lambda: tfvae.make_dense_vae(2, 1, (4,)), None, None, options, "line", 10.0
    )
    np.testing.assert_allclose(rates, [1e-3, 1e-4, 1e-5], rtol=1e-5)
    assert capsys.readouterr().err.count("once more with a tenth of the learning rate") == 2
    rates.clear()
    options = tfvae.TableOptions(learning_rate=1.0)
    with pytest.raises(DivergedError):  # a rate that the user has chosen is not changed
        fitting.fit_until_worse(None, lambda: model, None, None, options, "line", 10.0)


@pytest.mark.parametrize(("size", "side"), [((333, 78), 32), ((40, 30), None)])
def test_large_photographs_are_made_small(size, side, tmp_path):
    from PIL import Image

    from tfvae.workflows.image_parts import read_parts

    for k in range(30):
        Image.new("RGB", size, (k, 0, 0)).save(tmp_path / f"{k:02}.png")
    parts = read_parts(tmp_path, tfvae.ImageOptions())
    assert parts.shape == ((side, side, 3) if side else (*size[::-1], 3))
