"""The command as a user types it: what works, and every mistake as one sentence with exit status 2."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tfvae
from tfvae import cli

COMMAND = Path(sys.executable).with_name("tfvae")


def shell(*arguments, cwd=None):
    """The command in a process of its own."""
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=cwd)


@pytest.fixture
def tfvae_command(monkeypatch, capsys):
    """The command within this process, where TensorFlow is loaded already: -> (status, stdout, stderr)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["tfvae", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        captured = capsys.readouterr()
        return exit_.value.code, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A small table with every kind of column."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 3, 400)
    frame = pd.DataFrame(
        {
            "length": rng.normal(10 * group, 1.0),
            "count": rng.poisson(5, 400) + 20 * (group == 1),
            "colour": np.array(["red", "green", "blue"])[group],
            "constant": 3,
            "group": group,
        }
    )
    path = tmp_path_factory.mktemp("table") / "table.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    """A finished run on that table, fitted by the command."""
    out = tmp_path_factory.mktemp("runs") / "run"
    result = shell(
        "fit", table, "--label", "group", "--out", out, "--epochs", 30, "--hidden", "32,32", "--num-components", 5
    )
    assert result.returncode == 0, result.stderr
    assert "Constant, left out of the model and written back in samples: constant." in result.stderr
    assert "held-out −log p(x), tfvae" in result.stdout
    assert "Gaussian mixture of 10 (scikit-learn)" in result.stdout
    return out


def test_help_list_and_mistakes_answer_without_tensorflow():
    result = shell("list")
    assert result.returncode == 0, result.stderr
    for name in ("gaussian-mixture", "gaussian-mixture-sweep", "mixture-decoder", "digits", "gaussian_grid"):
        assert name in result.stdout
    code = (
        "import sys, runpy\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit: pass\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    for arguments in (
        ["--help"],
        ["list"],
        ["fit", "--help"],
        ["run", "gausian"],
        ["fit", "none.csv"],
        ["report", "none"],
    ):
        script = f"import sys; sys.argv = {[str(COMMAND), *arguments]!r}\n{code}"
        assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0, arguments


MISTAKES = {
    "unknown experiment": (["run", "gausian-mixture"], "did you mean 'gaussian-mixture'"),
    "unknown preset": (["run", "gaussian-mixture", "--preset", "huge"], "has no preset 'huge'"),
    "unknown command": (["traim"], "No such command 'traim'"),
    "missing argument": (["fit"], "Missing argument"),
    "unknown option": (["list", "--colour"], "No such option"),
    "not a number": (["run", "gaussian-mixture", "--seed", "one"], "Invalid value for '--seed'"),
    "missing file": (["fit", "none.csv"], "There is no file none.csv"),
    "wrong kind of file": (["fit", "table.docx"], "is not a table that tfvae reads"),
    "nearly a set's name": (["fit", "fashion-mnst"], "did you mean fashion-mnist"),
    "unknown model": (["fit", "digits", "--model", "gan"], "There is no model 'gan'"),
    "bad holdout": (["fit", "digits", "--holdout", "2"], "--holdout must be between 0 and 1"),
    "bad widths": (["fit", "digits", "--hidden", "wide"], "--hidden must be widths"),
    "bad rule for missing values": (["fit", "digits", "--missing", "guess"], "--missing must be model, drop or refuse"),
    "bad learning rate": (["fit", "digits", "--learning-rate", "0"], "--learning-rate must be above 0"),
    "unknown column": (["fit", "digits", "--exclude", "weight"], "There is no column 'weight'"),
    "table's option for images": (["fit", "images", "--columns", "a"], "--columns is for tables"),
    "images' option for a table": (["fit", "digits", "--image-size", "8"], "--image-size is for images"),
    "table's model for images": (["fit", "images", "--model", "mixture-decoder"], "'mixture-decoder' for images"),
    "unknown prior": (["fit", "digits", "--prior", "gan:3"], "There is no prior 'gan'"),
    "prior of no components": (["fit", "digits", "--prior", "mixture:0"], "takes the number of components, at least 1"),
    "prior of one example": (["fit", "digits", "--prior", "exemplar:1"], "at least 2"),
    "flow in one dimension": (["fit", "digits", "--prior", "flow", "--latent-dim", "1"], "--latent-dim of at least 2"),
    "components of a prior replaced": (
        ["fit", "digits", "--model", "mixture-prior", "--prior", "vamp", "--num-components", "3"],
        "--num-components is of the prior that",
    ),
    "number for a prior without": (["fit", "digits", "--prior", "standard:2"], "The prior standard takes no number"),
    "unknown method": (
        ["score", "nowhere", "digits", "-o", "x.csv", "--method", "elbo"],
        "--method must be iwae or ais",
    ),
    "step size": (["score", "nowhere", "digits", "-o", "x.csv", "--step-size", "0"], "--step-size must be above 0"),
    "no images": (["fit", "images"], "holds no image that can be read"),
    "no column left": (["fit", "digits", "--columns", "pixel_0_1", "--exclude", "pixel_0_1"], "No column is left"),
    "no run": (["sample", "nowhere", "-o", "x.csv"], "nowhere is not a run directory"),
    "no run to report": (["report", "nowhere"], "nowhere is not a run directory"),
    "zero draws": (["sample", "nowhere", "-n", "0", "-o", "x.csv"], "Invalid value for '-n'"),
    "negative seed": (["fit", "digits", "--seed", "-1"], "Invalid value for '--seed'"),
    "option of another model": (
        ["fit", "digits", "--model", "gaussian", "--num-components", "3"],
        "not an argument of",
    ),
    "resume of nothing": (
        ["run", "gaussian-mixture", "--resume", "--out", "nowhere"],
        "nowhere is not a run directory",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_one_sentence_with_status_2(arguments, message, tfvae_command, tmp_path, monkeypatch):
    (tmp_path / "here" / "images").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    status, out, err = tfvae_command(*arguments)
    assert status == 2
    assert out == ""
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err
    assert [p.name for p in Path().iterdir()] == ["images"], "nothing half-written"


BROKEN = {
    "infinity": ("a,b\n1,2\ninf,3\n" + "4,5\n" * 40, "Column 'a' has 1 infinite values, first in row 2"),
    "empty": ("", "is empty"),
    "no rows": ("a,b\n", "has no rows"),
    "ragged": ("a,b\n1,2\n1,2,3\n", "damaged or truncated"),
    "text": ("a,b\n" + "".join(f"word{k},{k}\n" for k in range(60)), "There is nothing to learn: 'a' is an identifier"),
    "overflow": ("a,b\n" + "".join(f"{2**70 + k},{k}\n" for k in range(40)), "overflow 64 bits"),
    "all constant": ("a,b\n" + "1,2\n" * 40, "all columns are constant"),
    "too few": ("a,b\n1,2\n2,3\n3,4\n4,5\n", "4 rows are too few"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_data_are_one_sentence_and_leave_nothing(text, message, tfvae_command, tmp_path):
    (tmp_path / "data.csv").write_text(text)
    status, _, err = tfvae_command("fit", tmp_path / "data.csv", "--out", tmp_path / "run")
    assert status == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_output_directory_in_the_way(tfvae_command, tmp_path, table):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("dear")
    status, _, err = tfvae_command("fit", table, "--out", tmp_path / "full")
    assert (status, "already exists" in err) == (2, True)
    status, _, err = tfvae_command("fit", table, "--out", tmp_path / "full" / "thesis.txt" / "run")
    assert (status, "cannot be written" in err) == (2, True)
    status, _, err = tfvae_command("fit", table, "--out", tmp_path / "full", "--overwrite")
    assert (status, "is not a run directory, so it is not overwritten" in err) == (2, True)
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["thesis.txt"]


def test_debug_shows_where(tfvae_command):
    status, _, err = tfvae_command("--debug", "fit", "none.csv")
    assert status == 2
    assert "Traceback" in err


def test_the_run_directory_is_whole(run):
    names = {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()}
    assert {"config.json", "history.csv", "metrics.json", "model.keras", "report.html"} <= names
    assert {
        "figures/1-columns.png",
        "figures/2-correlations.png",
        "figures/3-latent.png",
        "figures/4-loss.png",
    } <= names
    config = json.loads((run / "config.json").read_text())
    assert config["arguments"]["seed"] == 0
    assert len(config["data"]["sha256"]) == 64
    assert config["versions"]["keras"].startswith("3.")
    page = (run / "report.html").read_text()
    assert "Numbers on a grid (integers, decimals, dates)" in page
    assert "Constant columns, left out of the model and written back: constant" in page
    assert 'src="data:image/png;base64' in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_sample_encode_decode_score_report(run, table, tfvae_command, tmp_path):
    data = pd.read_csv(table)
    assert tfvae_command("sample", run, "-n", 50, "-o", tmp_path / "draws.csv", "--seed", 3)[0] == 0
    draws = pd.read_csv(tmp_path / "draws.csv")
    assert list(draws.columns) == ["length", "count", "colour", "constant"]
    assert draws.dtypes.equals(data.drop(columns="group").dtypes)
    assert set(draws["colour"]) <= {"red", "green", "blue"}
    assert (draws["constant"] == 3).all()
    tfvae_command("sample", run, "-n", 50, "-o", tmp_path / "again.csv", "--seed", 3)
    pd.testing.assert_frame_equal(draws, pd.read_csv(tmp_path / "again.csv"))

    assert tfvae_command("encode", run, table, "-o", tmp_path / "codes.csv")[0] == 0
    codes = pd.read_csv(tmp_path / "codes.csv")
    size = len(codes.columns) // 2
    assert list(codes.columns) == [f"z{d}_{what}" for what in ("mean", "sd") for d in range(size)]
    assert tfvae_command("decode", run, tmp_path / "codes.csv", "-o", tmp_path / "decoded.csv")[0] == 0
    decoded = pd.read_csv(tmp_path / "decoded.csv")
    assert (decoded["colour"] == data["colour"]).mean() > 0.5
    codes.iloc[:, :size].to_csv(tmp_path / "bare.csv", index=False)
    assert (
        tfvae_command("decode", run, tmp_path / "bare.csv", "-o", tmp_path / "decoded.npz")[0] == 2
    )  # text in numbers
    assert tfvae_command("decode", run, table, "-o", tmp_path / "decoded.csv")[0] == 2

    status, out, _ = tfvae_command("score", run, table, "-o", tmp_path / "scores.parquet", "--samples", 20)
    assert status == 0
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert len(scores) == 400
    assert f"{scores['log_likelihood'].mean():.4f}" in out

    assert tfvae_command("score", run, table, "-o", tmp_path / "scores.npy", "--samples", 20)[0] == 0
    assert np.load(tmp_path / "scores.npy").shape == (400, 5)  # without what is said in words

    before = (run / "report.html").read_text()
    assert tfvae_command("report", run)[0] == 0
    assert (run / "report.html").read_text() == before


def test_rows_that_do_not_fit_and_files_that_cannot_be_written(run, table, tfvae_command, tmp_path):
    data = pd.read_csv(table)
    data.drop(columns="length").to_csv(tmp_path / "narrow.csv", index=False)
    data.assign(colour="violet").to_csv(tmp_path / "violet.csv", index=False)
    status, _, err = tfvae_command("score", run, tmp_path / "narrow.csv", "-o", tmp_path / "scores.csv")
    assert (status, "has no column 'length'" in err) == (2, True)
    status, _, err = tfvae_command("encode", run, tmp_path / "violet.csv", "-o", tmp_path / "scores.csv")
    assert (status, "colour is 'violet', which was not in the training data (400 of 400 rows" in err) == (2, True)
    status, out, _ = tfvae_command("score", run, tmp_path / "violet.csv", "-o", tmp_path / "violet_scores.csv")
    assert (status, "no row has a density: colour is 'violet'" in out) == (0, True)
    assert np.isneginf(pd.read_csv(tmp_path / "violet_scores.csv")["log_likelihood"]).all()
    for output in (tmp_path / "scores.txt", tmp_path / "none" / "scores.csv"):
        status, _, err = tfvae_command("score", run, table, "-o", output)
        assert (status, "cannot be written" in err) == (2, True)
    assert not (tmp_path / "scores.csv").exists()


def test_a_model_file_that_is_not_ours(run, table, tfvae_command, tmp_path):
    import shutil

    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "model.keras").write_bytes(b"PK not a model")
    status, _, err = tfvae_command("sample", tmp_path / "run", "-o", tmp_path / "draws.csv")
    assert status == 2
    assert "is not a model that tfvae can load" in err
    import keras

    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "run" / "model.keras")
    status, _, err = tfvae_command("sample", tmp_path / "run", "-o", tmp_path / "draws.csv")
    assert (status, "it holds a Sequential, not a VAE" in err) == (2, True)
    (tmp_path / "run" / "model.keras").unlink()
    status, _, err = tfvae_command("sample", tmp_path / "run", "-o", tmp_path / "draws.csv")
    assert (status, "continue it by --resume" in err) == (2, True)


def test_resume_of_a_finished_run_trains_nothing_and_other_settings_are_refused(run, table, tfvae_command):
    arguments = ["fit", table, "--label", "group", "--out", run, "--hidden", "32,32", "--num-components", 5, "--resume"]
    written = (run / "model.keras").stat().st_mtime_ns
    assert tfvae_command(*arguments, "--epochs", 30)[0] == 0
    assert (run / "model.keras").stat().st_mtime_ns == written
    status, _, err = tfvae_command(*arguments, "--epochs", 31)
    assert (status, "epochs was 30, now 31" in err) == (2, True)


def test_score_is_a_density_in_the_datas_units(tmp_path, tfvae_command):
    """Multiplying a column by 10 lowers log p(x) by log 10, with everything else equal."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300)})
    scores = []
    for factor in (1.0, 10.0):
        frame.assign(a=frame["a"] * factor).to_csv(tmp_path / f"{factor}.csv", index=False)
        out = tmp_path / f"run{factor}"
        fit = tfvae_command(
            "fit", tmp_path / f"{factor}.csv", "--out", out, "--epochs", 2, "--hidden", "8", "--model", "gaussian"
        )
        assert fit[0] == 0, fit[2]
        assert tfvae_command("score", out, tmp_path / f"{factor}.csv", "-o", tmp_path / "s.csv")[0] == 0
        scores.append(pd.read_csv(tmp_path / "s.csv")["log_likelihood"].mean())
    assert scores[0] - scores[1] == pytest.approx(np.log(10), abs=1e-3)


def test_a_training_that_diverges_says_so(tfvae_command, table, tmp_path):
    arguments = ["--out", tmp_path / "run", "--learning-rate", 1e9, "--epochs", 30, "--hidden", "8"]
    status, _, err = tfvae_command("fit", table, *arguments)
    assert (status, "The training diverged" in err) == (2, True)
    assert not (tmp_path / "run" / "model.keras").exists()


def test_labels_with_gaps_and_names_with_dollars(tfvae_command, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"cost $_{x$": rng.normal(size=100), "b": rng.normal(size=100), "who": [None, "a"] * 50})
    frame.to_csv(tmp_path / "R&D.csv", index=False)
    arguments = ["--out", tmp_path / "run", "--epochs", 1, "--hidden", "8", "--label", "who"]
    status, _, err = tfvae_command("fit", tmp_path / "R&D.csv", *arguments)
    assert status == 0, err
    assert "R&amp;D" in (tmp_path / "run" / "report.html").read_text()


def test_explore(run, table, tfvae_command, tmp_path, monkeypatch):
    page = tmp_path / "e.html"
    status, out, err = tfvae_command("explore", run, "--data", table, "--label", "group", "-o", page)
    assert (status, out) == (0, f"Explorer: {page}\n"), err
    status, _, err = tfvae_command("explore", run, "--label", "group")
    assert (status, err) == (2, "tfvae: --label is a column of --data: give a table of rows with it.\n")
    status, _, err = tfvae_command("explore", run, "-o", tmp_path / "none" / "e.html")
    assert (status, err.endswith(f"there is no folder {tmp_path / 'none'}.\n")) == (2, True), err
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    status, _, err = tfvae_command("explore", run)
    assert (status, err) == (2, "tfvae: This needs the package plotly: install it with `pip install tfvae[explore]`.\n")


def test_load_run_from_python(run, table):
    loaded = tfvae.load_run(run)
    vectors = loaded.codec.transform(pd.read_csv(table))
    assert loaded.model.encode(vectors).mean().shape == (400, *loaded.model.latent_shape)
    assert loaded.config["command"] == "fit"


def test_digits_and_mixture_decoder(tfvae_command, tmp_path):
    arguments = ["--out", tmp_path / "digits", "--epochs", 2, "--hidden", "16", "--model", "mixture-decoder"]
    status, _, err = tfvae_command("fit", "digits", *arguments)
    assert status == 0, err
    assert (tmp_path / "digits" / "figures" / "0-images.png").exists()


@pytest.mark.parametrize("prior", ["vamp:6", "exemplar", "flow:2"])
def test_fits_with_every_prior(prior, table, tfvae_command, tmp_path):
    status, out, error = tfvae_command(
        "fit", table, "--exclude", "group", "--prior", prior, "--out", tmp_path / "run", "--epochs", 1, "--hidden", "8"
    )
    assert status == 0, error
    assert "held-out −log p(x), tfvae" in out
    assert json.loads((tmp_path / "run" / "config.json").read_text())["arguments"]["prior"] == prior


def test_scores_by_annealing(run, table, tfvae_command, tmp_path):
    arguments = ("score", run, table, "-o", tmp_path / "s.csv", "--samples", 3)
    status, out, error = tfvae_command(*arguments, "--method", "ais", "--chains", 2)
    assert status == 0, error
    assert "HMC accepted" in out
    status, _, error = tfvae_command(*arguments, "--method", "ais", "--chains", 2, "--step-size", 1e6)
    assert status == 2
    assert error.startswith("tfvae: Annealing accepted")
    status, out, error = tfvae_command(*arguments)
    assert "doubling the draws to this number gained" in out
    status, _, error = tfvae_command(*arguments, "--chains", 2)
    assert status == 2
    assert error == "tfvae: --chains and --step-size are of annealing: give --method ais too.\n"
    assert np.isfinite(pd.read_csv(tmp_path / "s.csv")["log_likelihood"]).all()


def test_more_pseudo_inputs_than_rows_are_refused(table, tfvae_command, tmp_path):
    status, _, error = tfvae_command("fit", table, "--prior", "vamp:5000", "--out", tmp_path / "run", "--epochs", 1)
    assert status == 2
    assert error == "tfvae: The prior vamp:5000 starts from 5000 rows, but there are only 320 to train on.\n"
    assert not (tmp_path / "run").exists()  # so that the corrected command can be given


def test_errors_name_the_options_of_their_own_command(monkeypatch):
    from tfvae.cli.console import in_options

    monkeypatch.setattr("sys.argv", ["tfvae", "score", "run"])
    assert in_options("give `num_samples` or `num_chains=3` of `data`") == "give --samples or --chains 3 of `data`"


def test_the_version_is_shown(tfvae_command):
    assert tfvae_command("--version")[:2] == (0, f"tfvae {tfvae.__version__}\n")
