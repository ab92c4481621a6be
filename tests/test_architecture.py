"""The house keeps its order: what import-linter does not see (`make lint` holds the floors)."""

import ast
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import tfvae

ROOT = Path(tfvae.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
PRIVATE = ("_flatten_layers", "_inbound_nodes", "_use_cached_eval_dataset", "_distribute_strategy", "seed_generator_state", "_loss_tracker",
           "__internal__", "tensorflow.python", "_name_and_control_scope", "keras.src")  # fmt: skip
LIBRARY = [p for p in FILES if p.relative_to(ROOT).parts[0] not in ("cli", "experiments")]


def shown(path):
    return path.relative_to(ROOT).as_posix()


def test_internals_of_others_are_named_at_the_door_alone():
    assert {p.name for p in FILES if any(word in p.read_text() for word in PRIVATE)} == {"keras_door.py"}


def test_nothing_is_planted_on_a_foreign_object_and_nothing_depends_on_the_command_line():
    for path in FILES:
        text = path.read_text()
        assert "sys.argv[0]" not in text, shown(path)
        assert "setattr(keras" not in text
        assert "setattr(tf" not in text


def test_files_stay_small():
    lengths = {shown(p): len(p.read_text().splitlines()) for p in FILES}
    assert {name: n for name, n in lengths.items() if n > 350} == {}
    assert sum(n > 250 for n in lengths.values()) <= 6


def test_no_leftovers():
    for path in FILES:
        for word in ("TODO", "FIXME", "print(", "import pickle", "ast.parse"):
            assert word not in path.read_text(), f"{path.name} has {word}"


@pytest.mark.parametrize("path", LIBRARY, ids=shown)
def test_the_library_names_subjects_and_no_options_of_the_command(path):
    text = path.read_text()
    assert not re.search(r"[Dd]ocument 00\d", text)
    strings = [n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    assert not [s for s in strings if re.search(r"(^|\s)--[a-z]", s) and "tfvae " not in s]


def test_every_public_name_resolves_and_has_a_docstring():
    for name in tfvae.__all__:
        value = getattr(tfvae, name)
        assert value.__doc__, name


def test_the_public_names_are_these():
    """A name that is added or taken away is meant: write it into the snapshot, and into CHANGELOG.md."""
    rooms = ["codecs", "data", "distributions", "evaluation", "experiments", "explorer", "layers", "models", "networks", "objectives",
             "plots", "priors", "runs", "training", "workflows"]  # fmt: skip
    now = [f"tfvae.{name}" for name in tfvae.__all__]
    now += [f"tfvae.{room}.{name}" for room in rooms for name in getattr(tfvae, room).__all__]
    snapshot = Path(__file__).with_name("public_names.txt")
    assert sorted(now) == snapshot.read_text().split()


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}
    )


def test_another_backend_is_refused_in_one_sentence():
    result = run_python("import tfvae", KERAS_BACKEND="jax")
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: tfvae runs on Keras' TensorFlow backend, but Keras is set to 'jax'")


def test_missing_packages_are_named():
    code = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n in ('tf_keras', 'tensorflow_probability') else find(n, *a)\nimport tfvae"
    )
    last = run_python(code).stderr.strip().splitlines()[-1]
    assert last == (
        "ImportError: tfvae needs tensorflow-probability, tf_keras: install with "
        "`pip install tensorflow-probability tf_keras`."
    )


def test_importing_tfvae_and_listing_what_there_is_import_no_tensorflow():
    code = (
        "import sys, tfvae, tfvae.cli\n"
        "from tfvae.experiments import all_experiments\n"
        "tfvae.TableOptions(), tfvae.HaplotypeOptions(), all_experiments()\n"
        "print([m for m in ('tensorflow', 'keras', 'sklearn', 'matplotlib', 'seaborn') if m in sys.modules])"
    )
    assert run_python(code).stdout.strip() == "[]"


@pytest.mark.parametrize(
    "code",
    [
        "import keras, tfvae",
        "import tfvae; tfvae.layers; import keras",
    ],
)
def test_every_class_is_registered_with_keras(code):
    names = run_python(f"{code}\nimport keras; print(sorted(keras.saving.get_custom_objects()))").stdout
    for name in (
        "VAE",
        "IndependentNormal",
        "MixturePrior",
        "ELBO",
        "KLDivergenceRegularizer",
        "FastFitModel",
        "LinearWarmUp",
    ):
        assert f"tfvae>{name}" in names


def test_importing_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        import tfvae.layers
        import tfvae.models  # noqa: F401
