"""The house keeps its order: imports go down the ladder, doors to foreign internals are single, files stay small."""

import ast
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import tfvae

ROOT = Path(tfvae.__file__).parent
RUNGS = [
    {"errors", "version", "requirements", "stderr", "compiled", "tensors", "saving"},
    {"distributions", "divergences", "importance"},
    {"layers", "priors", "objectives"},
    {"networks"},
    {"batches", "callbacks", "fused", "training", "models"},
    {
        "data",
        "evaluation",
        "plots",
        "runs",
        "checkpoints",
        "catalogue",
        "experiments",
        "report",
        "fitting",
        "cli",
        "tensorboard",
    },
]
FILES = sorted(ROOT.rglob("*.py"))


def room(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path, top_level_only=False):
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def rung(name):
    return next((k for k, rooms in enumerate(RUNGS) if name in rooms), None)


def test_every_room_has_a_rung():
    assert {room(p) for p in FILES} - {"__init__", "__main__"} == set().union(*RUNGS)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_go_up_the_ladder_only(path):
    if path.parent == ROOT and path.name in ("__init__.py", "__main__.py"):
        pytest.skip("the public names")
    for module in imports(path):
        parts = module.split(".")
        if parts[0] == "tfvae" and len(parts) > 1 and rung(parts[1]) is not None:
            assert rung(parts[1]) <= rung(room(path)), f"{path.name} imports {module} from a rung below its own"


def test_matplotlib_is_imported_in_plots_alone():
    users = {room(p) for p in FILES if any(m.split(".")[0] in ("matplotlib", "seaborn") for m in imports(p))}
    assert users == {"plots"}


def test_tensorflow_internals_are_named_in_tensors_alone():
    users = {p.name for p in FILES if "__internal__" in p.read_text() or "tensorflow.python" in p.read_text()}
    assert users == {"tensors.py"}
    assert not [p for p in FILES if "keras.src" in p.read_text()]


def test_the_door_to_the_internals_is_open():
    """If TensorFlow changes what it takes for a tensor, this is the test that says so."""
    import tensorflow as tf

    from tfvae.host.tensors import DistributionTensor

    assert issubclass(DistributionTensor, tf.__internal__.types.Tensor)
    assert tf.is_tensor(DistributionTensor(None, 1.0))


def test_files_stay_small():
    longest = max(FILES, key=lambda p: len(p.read_text().splitlines()))
    assert len(longest.read_text().splitlines()) <= 400, longest


def test_no_leftovers():
    for path in FILES:
        for word in ("TODO", "FIXME", "print(", "import pickle"):
            assert word not in path.read_text(), f"{path.name} has {word}"


def test_every_public_name_resolves_and_has_a_docstring():
    for name in tfvae.__all__:
        value = getattr(tfvae, name)
        assert value.__doc__, name


def run_python(code, **environment):
    import os

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


def test_import_is_cheap_beside_its_hosts():
    code = (
        "import tensorflow, keras, tensorflow_probability, time, sys\n"
        "before = set(sys.modules); t = time.perf_counter()\n"
        "import tfvae\n"
        "print(time.perf_counter() - t, [m for m in ('sklearn', 'seaborn', 'matplotlib', 'pandas') if m in set(sys.modules) - before])"
    )
    # The least of three, because a busy machine only ever makes it slower.
    seconds, modules = zip(*(run_python(code).stdout.strip().split(" ", 1) for _ in range(3)), strict=True)
    assert min(map(float, seconds)) < 0.3
    assert set(modules) == {"[]"}


def test_import_registers_every_class_with_keras():
    code = "import tfvae, keras; print(sorted(keras.saving.get_custom_objects()))"
    names = run_python(code).stdout
    for name in ("VAE", "IndependentNormal", "MixturePrior", "ELBO", "KLDivergenceRegularizer", "FastFitModel"):
        assert f"tfvae>{name}" in names


def test_importing_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        import tfvae.layers
        import tfvae.models  # noqa: F401
