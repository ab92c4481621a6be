"""Run directories, and a training that is killed and goes on."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import keras
import numpy as np
import pandas as pd
import pytest

import tfvae
from tests.models.test_vae import make_vae
from tfvae.host.errors import UserError
from tfvae.runs import RunDirectory, fit_in_run, load_model

EPOCHS = 12


def make_model():
    """With Dropout, so that the draws' seeds count too."""
    encoder = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.1), keras.layers.Dense(8, "tanh"),
                                keras.layers.Dense(4), tfvae.layers.IndependentNormal(2)])  # fmt: skip
    likelihood = tfvae.layers.IndependentNormal(2, "mean", scale=tfvae.layers.LearnedScale())
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), likelihood])
    vae = tfvae.VAE(encoder, decoder)
    vae.compile(keras.optimizers.Adam(1e-2))
    return vae


def train(path, epochs=EPOCHS, pause=0.0):
    """A short training whose callbacks have a state of their own."""
    x = np.random.default_rng(0).normal(size=(200, 2)).astype("float32")
    run = RunDirectory(path)
    callbacks = [
        keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.5),
        keras.callbacks.EarlyStopping(
            "val_loss", patience=3, min_delta=0.5, start_from_epoch=4, restore_best_weights=True
        ),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: time.sleep(pause)),
    ]
    return fit_in_run(run, make_model, x, seed=5, callbacks=callbacks, epochs=epochs, batch_size=32, verbose=0,
                      checkpoint_seconds=0, validation_data=x[:50])  # fmt: skip


def kill_when_it_has_trained(path, epochs_done):
    """Trains in another process and kills it, SIGKILL, once that many epochs are in a checkpoint."""
    code = (
        f"from pathlib import Path; from tests.runs.test_directory import train; train(Path({str(path)!r}), pause=0.3)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.getcwd()})
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if [p for p in path.glob("checkpoints/model/epoch-*") if int(p.name[-6:]) >= epochs_done]:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the training ended before it could be killed"


@pytest.mark.filterwarnings("ignore:The observation scale")
def test_a_killed_training_ends_as_an_unbroken_one(tmp_path):
    whole, history = train(tmp_path / "whole")
    (tmp_path / "killed").mkdir()
    kill_when_it_has_trained(tmp_path / "killed", 4)
    assert not (tmp_path / "killed" / "model.keras").exists()
    resumed, resumed_history = train(tmp_path / "killed")
    pd.testing.assert_frame_equal(history, resumed_history, rtol=1e-6)
    for a, b in zip(whole.trainable_variables, resumed.trainable_variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6, err_msg=a.path)
    assert whole.optimizer.learning_rate == resumed.optimizer.learning_rate < 1e-2
    assert len(history) == 8  # early stopping, counting from epoch 4, ended both
    assert not (tmp_path / "killed" / "checkpoints" / "model").exists()


@pytest.mark.filterwarnings("ignore:The observation scale")
def test_a_finished_fit_is_loaded_and_not_trained_again(tmp_path):
    model, history = train(tmp_path)
    written = (tmp_path / "model.keras").stat().st_mtime_ns
    again, same = train(tmp_path)
    assert (tmp_path / "model.keras").stat().st_mtime_ns == written
    pd.testing.assert_frame_equal(history, same)
    np.testing.assert_array_equal(model.sample(5, seed=0), again.sample(5, seed=0))


def test_writing_leaves_the_old_file_or_the_new(tmp_path):
    run = RunDirectory.create(tmp_path / "run", {"command": "test", "arguments": {}})
    run.write_json("metrics.json", {"a": 1})

    def break_off():
        with run.writing("metrics.json") as path:
            path.write_text('{"a":')
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert run.read_json("metrics.json") == {"a": 1}
    assert not list(run.path.glob(".*"))


def test_a_file_is_no_run_directory(tmp_path):
    (tmp_path / "iris.parquet").write_text("")
    with pytest.raises(UserError, match=r"iris.parquet is not a run directory: it has no config.json"):
        RunDirectory.open(tmp_path / "iris.parquet")


def test_what_stands_in_the_way_is_said_in_one_sentence(tmp_path):
    config = {"command": "run", "arguments": {"seed": 1}}
    RunDirectory.create(tmp_path / "run", config)
    with pytest.raises(UserError, match="already exists"):
        RunDirectory.create(tmp_path / "run", config)
    with pytest.raises(UserError, match="seed was 1, now 2"):
        RunDirectory.create(tmp_path / "run", {"command": "run", "arguments": {"seed": 2}}, resume=True)
    assert RunDirectory.create(tmp_path / "run", config, overwrite=True).path.is_dir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    with pytest.raises(UserError, match="is not a run directory, so it is not overwritten"):
        RunDirectory.create(tmp_path / "mine", config, overwrite=True)
    (tmp_path / "mine" / "config.json").write_text('{"name": "my web app"}')
    with pytest.raises(UserError, match="is not a run directory, so it is not overwritten"):
        RunDirectory.create(tmp_path / "mine", config, overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="already exists|cannot be written"):
        RunDirectory.create(tmp_path / "file", config)
    with pytest.raises(UserError, match="cannot be written"):
        RunDirectory.create(tmp_path / "file" / "below", config)
    with pytest.raises(UserError, match="is not a run directory"):
        RunDirectory.open(tmp_path)
    for content in ("[]", "3", '{"name": "my web app"}'):
        (tmp_path / "run" / "config.json").write_text(content)
        with pytest.raises(UserError, match="is not that of a run"):
            RunDirectory.create(tmp_path / "run", config, resume=True)
    (tmp_path / "run" / "config.json").write_text('{"comm')
    with pytest.raises(UserError, match="damaged"):
        RunDirectory.open(tmp_path / "run")


def test_models_that_are_not_ours_are_refused(tmp_path, x):
    run = RunDirectory.create(tmp_path / "run", {"command": "test", "arguments": {}})
    with pytest.raises(UserError, match="no finished model"):
        run.model_path()
    vae = make_vae()
    run.save_model(vae)
    run.save_model(vae, "models/other.keras")
    assert list(run.models()) == ["model", "other"]
    np.testing.assert_array_equal(load_model(run.model_path("other")).encode(x).mean(), vae.encode(x).mean())
    with pytest.raises(UserError, match="has no model 'third'; it has model, other"):
        run.model_path("third")
    whole = (tmp_path / "run" / "model.keras").read_bytes()
    for content in (b"", b"not a model", whole[: len(whole) // 2]):
        (tmp_path / "broken.keras").write_bytes(content)
        with pytest.raises(UserError, match="is not a model that tfvae can load"):
            load_model(tmp_path / "broken.keras")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["versions"]["tfvae"] == tfvae.__version__


class Stop(keras.callbacks.Callback):
    """Ends the process, as far as the training can tell, in the given epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise InterruptedError


@pytest.mark.parametrize("name", ["exemplar", "mixture on data drawn anew"])
def test_priors_and_data_sets_go_on_as_if_unbroken(name, tmp_path):
    from tfvae.data.images import dynamically_binarized

    pixels = np.random.default_rng(0).random((60, 6)).astype("float32")
    rows = np.round(pixels)

    def make():
        prior = tfvae.priors.MixturePrior(2, 3)
        if name == "exemplar":
            prior = tfvae.priors.ExemplarPrior(2, 60, 6, num_neighbors=5)
            prior.start_at(rows)
        likelihood = tfvae.layers.IndependentBernoulli(6, "mean")
        objective = tfvae.ELBO(beta=tfvae.training.LinearWarmUp(10))
        return tfvae.make_dense_vae(6, 2, (8,), prior=prior, likelihood=likelihood, objective=objective)

    def train(folder, *callbacks):
        x = rows if name == "exemplar" else lambda epoch: dynamically_binarized(pixels, 20, 3, initial_epoch=epoch)
        run = RunDirectory(tmp_path / folder)
        return fit_in_run(run, make, x, seed=1, epochs=5, batch_size=20, verbose=0, validation_data=rows[:20],
                          callbacks=callbacks, checkpoint_seconds=0)  # fmt: skip

    whole, history = train("whole")
    with pytest.raises(InterruptedError):
        train("broken", Stop(3))
    resumed, resumed_history = train("broken", Stop(99))
    pd.testing.assert_frame_equal(history, resumed_history, rtol=1e-5)
    for a, b in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_figures_come_in_the_order_of_their_numbers(tmp_path):
    run = RunDirectory(tmp_path)
    (tmp_path / "figures").mkdir()
    for name in ("10-b", "2-a", "images", "1-loss", "10-a-9", "10-a-10"):
        (tmp_path / "figures" / f"{name}.png").write_bytes(b"")
    assert [path.stem for path in run.figures()] == ["1-loss", "2-a", "10-a-9", "10-a-10", "10-b", "images"]


def whole(path):
    """Opens every file of a run directory, each in its own way; a temporary of a write would be none of these."""
    for file in (p for p in path.rglob("*") if p.is_file()):
        if file.suffix in (".keras", ".npz"):
            assert zipfile.ZipFile(file).testzip() is None, file
        elif file.suffix == ".json":
            json.loads(file.read_text())
        elif file.suffix == ".csv":
            pd.read_csv(file)
        else:
            raise AssertionError(f"{file} is of no kind that a run has")


SAVING = """
import keras, numpy as np, sys, tfvae
from pathlib import Path
from tfvae.runs import RunDirectory
run, vae = RunDirectory(Path(sys.argv[1])), tfvae.make_dense_vae(20, 4, (200, 200))
print("ready", flush=True)
for k in range(10_000):
    run.save_model(vae)
    run.write_json("metrics.json", {"k": k, "much": list(range(2000))})
"""


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_in_the_middle_of_writing_leave_old_files_or_new_ones(kills, tmp_path):
    """A child writes without pause, so that a kill at a random moment is likely to be within a write."""
    run = RunDirectory.create(tmp_path / "run", {"command": "fit", "arguments": {}})
    left = 0
    for pause in np.random.default_rng(0).uniform(0.01, 0.5, kills):
        command = [sys.executable, "-c", SAVING, str(run.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout.readline() == b"ready\n"
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
        left += bool(list(run.path.glob(".*")))
        RunDirectory.create(run.path, {"command": "fit", "arguments": {}}, resume=True)
        whole(run.path)
        assert not list(run.path.glob(".*"))
    assert left or kills < 20  # some were


def test_resuming_clears_what_a_kill_has_left(tmp_path):
    config = {"command": "fit", "arguments": {}}
    run = RunDirectory.create(tmp_path / "run", config)
    (run.path / "sections" / "0" / ".writing-x").mkdir(parents=True)
    (run.path / "sections" / "0" / ".writing-x" / "model.keras").write_bytes(b"PK half of it")
    (run.path / ".123-metrics.json").write_text("{")
    (run.path / ".git").mkdir()  # the user's own
    RunDirectory.create(run.path, config, resume=True)
    assert (run.path / ".git").is_dir()
    assert sorted(p.name for p in run.path.rglob("*") if p.is_file()) == ["config.json"]
