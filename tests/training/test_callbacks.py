"""Keras' callbacks on every kind of model: TensorBoard, early stopping, back-ups; and our pictures."""

import keras
import numpy as np
import pytest

import tfvae
from tfvae import layers
from tfvae.plots import ImageSummaries


class Own(layers.VariationalLayer):
    def model_nll(self, x, x_pred):
        return keras.ops.sum(keras.ops.abs(x - x_pred), axis=-1)


MODELS = {
    "vae": lambda: tfvae.make_dense_vae(9, 2, (5,)),
    "layer": lambda: tfvae.make_vae(9, dim_intermediate=5)[0],
    "own layer": lambda: tfvae.make_vae(9, dim_intermediate=5, cls_vae=Own)[0],
    "restarts": lambda: tfvae.make_manifold_vae(9, hidden=(5,), num_steps=8, num_restarts=2),
}
over_models = pytest.mark.parametrize("name", MODELS)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).random((40, 9)).astype("float32")


def events(folder):
    """(subfolder, tag) -> values in their order, of all event files under a folder."""
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = {}
    for file in folder.rglob("events*"):
        accumulator = EventAccumulator(str(file), size_guidance={"tensors": 0}).Reload()
        for tag in accumulator.Tags()["tensors"]:
            found[file.parent.name, tag] = [tf.make_ndarray(event.tensor_proto) for event in accumulator.Tensors(tag)]
    return found


@over_models
def test_tensorboard_shows_the_terms_and_pictures(name, pixels, tmp_path):
    model = MODELS[name]()
    callbacks = [
        keras.callbacks.TensorBoard(tmp_path),
        ImageSummaries(tmp_path, pixels[:6].reshape(-1, 3, 3), columns=3),
    ]
    logs = model.fit(pixels, epochs=3, batch_size=20, verbose=0, validation_data=pixels, callbacks=callbacks).history
    found = events(tmp_path)
    for term in ("loss", "reconstruction", "kl"):
        np.testing.assert_allclose(found["train", f"epoch_{term}"], logs[term], rtol=1e-5)
        np.testing.assert_allclose(found["validation", f"epoch_{term}"], logs[f"val_{term}"], rtol=1e-5)
    assert len(found["images", "samples"]) == len(found["images", "images and reconstructions"]) == 3
    width, height = (int(v) for v in found["images", "samples"][0][:2])
    assert (width, height) == (3 * 4, 2 * 4)
    assert int(found["images", "images and reconstructions"][0][1]) == 4 * 4


@over_models
def test_early_stopping_and_backup(name, pixels, tmp_path):
    model = MODELS[name]()
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=1, min_delta=1e9, restore_best_weights=True)
    arguments = {"batch_size": 20, "verbose": 0, "validation_data": pixels}
    epochs = len(model.fit(pixels, epochs=9, callbacks=[stopping], **arguments).history["loss"])
    assert epochs == (4 if name == "restarts" else 2)  # its warm-up of two epochs is waited for

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    backup = keras.callbacks.BackupAndRestore(tmp_path)
    model = MODELS[name]()
    with pytest.raises(KeyboardInterrupt):
        model.fit(pixels, epochs=4, callbacks=[backup, Kill()], **arguments)
    again = MODELS[name]()
    history = again.fit(pixels, epochs=4, callbacks=[keras.callbacks.BackupAndRestore(tmp_path)], **arguments)
    assert history.epoch == [2, 3]
    assert again.optimizer.iterations == 8


def test_pictures_of_rows_are_refused(pixels, tmp_path):
    with pytest.raises(ValueError, match="reshape the rows"):
        ImageSummaries(tmp_path, pixels)


def test_summary_reads_well(capsys):
    vae, encoder, _ = tfvae.make_vae(784)
    vae.summary(line_length=110)
    text = capsys.readouterr().out
    for name in ("z_mean", "z_log_var", "decoded_mean", "VariationalLayer", "NormalSampling", "404,244"):
        assert name in text, name
    assert encoder.name == "encoder"
