"""Seeds, quiet libraries, and what the tests share."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")
if "PYTEST_XDIST_WORKER" in os.environ:  # each of several workers keeps to its core, as do the commands it starts
    for threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(threads, "1")

import keras
import numpy as np
import pytest
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)  # the second one for the tests under MirroredStrategy


@pytest.fixture(autouse=True)
def _seeds():
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def x():
    """Sixty-four rows of three columns."""
    return np.random.default_rng(0).normal(size=(64, 3)).astype("float32")


def pytest_collection_modifyitems(items):
    """The notebooks first: each takes minutes, and one that comes last would keep one worker and leave the other idle."""
    items.sort(key=lambda item: "test_notebooks" not in item.nodeid)


def pytest_terminal_summary(terminalreporter):
    """What was not run for want of downloaded data."""
    skipped = [r for r in terminalreporter.stats.get("skipped", ()) if "TFVAE_DATA" in str(r.longrepr)]
    if not os.environ.get("TFVAE_DATA"):
        terminalreporter.write_line(
            "TFVAE_DATA is not set: images beyond scikit-learn's digits were not used"
            + (f"; not run: {', '.join(r.nodeid for r in skipped)}" if skipped else "")
        )
