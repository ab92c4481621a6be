"""Run directories: the whole record of a run, written so that a kill leaves the old file or the new, never half of one."""

import contextlib
import dataclasses
import json
import math
import os
import re
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from tfvae.data.files import replacing
from tfvae.host.errors import UserError
from tfvae.plots.fonts import use_all_scripts
from tfvae.version import __version__

CONFIG, METRICS, HISTORY, MODEL = "config.json", "metrics.json", "history.csv", "model.keras"
_TEMPORARY = re.compile(r"\.(writing-|\d+-)")  # as this class and `replacing` name them


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """A run's folder: `config.json`, `metrics.json`, `history.csv`, models, `checkpoints/`, `figures/`, `report.html`."""

    path: Path

    @classmethod
    def create(cls, path: str | Path, config: dict, *, overwrite: bool = False, resume: bool = False) -> Any:
        """A new run with its config, or the unfinished one at `path`; raises UserError where something is in the way."""
        run = cls(Path(path))
        if resume:
            before = run.config()
            differing = [k for k in ("command", "arguments") if before.get(k) != _plain(config).get(k)]
            if differing:
                raise UserError(
                    f"{path} was started with other settings ({_difference(before, _plain(config))}): "
                    "resume it with the same ones, or give another `out`."
                )
            run.clear_temporaries()
            return run
        text = json.dumps(_plain({**config, "versions": versions()}), allow_nan=False)  # before anything is written
        cls.check_free(path, overwrite=overwrite)
        if overwrite and run._is_ours():
            shutil.rmtree(run.path)
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            run.write_json(CONFIG, json.loads(text))
        except OSError as error:
            raise UserError(f"{path} cannot be written ({error.strerror}): give another `out`.") from None
        return run

    @classmethod
    def check_free(cls, path: str | Path, *, overwrite: bool = False, resume: bool = False) -> None:
        """Raises UserError where something at `path` is in the way of a new run, or nothing there can be resumed."""
        run = cls(Path(path))
        if resume:
            run.config()
        elif run.path.exists() and (not run.path.is_dir() or any(run.path.glob("[!.]*"))):
            if not overwrite:
                raise UserError(f"{path} already exists: give another `out`, or `resume=True`, or `overwrite=True`.")
            if not run._is_ours():
                raise UserError(f"{path} is not a run directory, so it is not overwritten: give another `out`.")

    def _is_ours(self):
        try:
            self.config()
        except UserError:
            return False
        return True

    def config(self) -> dict:
        """What the run was started with; raises UserError where it is not that of a run."""
        config = self.read_json(CONFIG)
        if not isinstance(config, dict) or not {"command", "arguments", "versions"} <= set(config):
            raise UserError(f"{self.path / CONFIG} is not that of a run: give another folder.")
        return config

    def title(self) -> str:
        """The experiment's name, or that of the data: the heading of its pages."""
        arguments = self.config()["arguments"]
        return arguments.get("experiment") or Path(str(arguments.get("data", self.path))).name

    @classmethod
    def open(cls, path: str | Path) -> "RunDirectory":
        """The run at `path`; raises UserError where there is none."""
        run = cls(Path(path))
        run.config()
        return run

    def clear_temporaries(self) -> None:
        """Deletes what a kill in the middle of a write has left; other hidden files are the user's."""
        for path in [path for path in self.path.rglob(".*") if _TEMPORARY.match(path.name)]:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def remove(self, *names: Any) -> None:
        """Deletes these files and folders, what was half written, and the directory itself where nothing else is in it."""
        self.clear_temporaries()
        for path in [self.path / name for name in names]:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        if not any(self.path.iterdir()):
            self.path.rmdir()

    @contextlib.contextmanager
    def writing(self, name: Any) -> Any:
        """A temporary path beside `name`, moved onto it when the block ends well."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary:
            yield temporary

    def write_text(self, name: Any, text: str) -> None:
        with self.writing(name) as path:
            path.write_text(text, encoding="utf-8")

    def write_json(self, name: Any, data: Any) -> None:
        self.write_text(name, json.dumps(_plain(data), indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    def read_json(self, name: Any, default: Any = None) -> Any:
        path = self.path / name
        if default is not None and not path.exists():
            return default
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(f"{self.path} is not a run directory: it has no {name}.") from None
        except (OSError, ValueError):
            raise UserError(f"{path} cannot be read: the file is damaged.") from None

    def write_table(self, name: Any, frame: pd.DataFrame) -> None:
        with self.writing(name) as path:
            frame.to_csv(path, index=False)

    def save_figure(self, name: Any, figure: Any, caption: str = "") -> None:
        """Writes a matplotlib figure to `figures/NAME.png`, with its title and a caption in the file, and closes it.

        Args:
            name: of the file; figures are shown in the order of their numbers.
            figure: of matplotlib.
            caption: what to see in it, for the report.
        """
        use_all_scripts(figure)
        about = {"Title": figure.get_suptitle().replace("\n", " "), "Description": caption}
        with self.writing(f"figures/{name}.png") as path, warnings.catch_warnings():
            # Of glyphs that no font has and labels that are too long: seen in the figure.
            warnings.simplefilter("ignore", UserWarning)
            figure.savefig(path, format="png", dpi=110, bbox_inches="tight", metadata=about)
        figure.clear()

    def figures(self) -> list[Path]:
        """Their files, in the order of their numbers: 2 before 10."""
        found = (self.path / "figures").glob("[!.]*.png")
        return sorted(found, key=lambda path: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", path.stem)])

    def save_model(self, model: Any, name: Any = MODEL) -> Any:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=self.path) as folder:
            temporary = Path(folder) / "model.keras"  # Keras insists on the suffix
            model.save(temporary)
            os.replace(temporary, target)

    def models(self) -> dict[str, Path]:
        """Name -> path of the models in this run."""
        paths = [*self.path.glob(MODEL), *sorted(self.path.glob("models/*.keras"))]
        sections = sorted(self.path.glob(f"sections/*/{MODEL}"))
        return {path.stem: path for path in paths} | {path.parent.name: path for path in sections}

    def model_path(self, name: Any = None) -> Path:
        """The file of the model of that name; of the first one without a name."""
        models = self.models()
        if not models:
            raise UserError(f"{self.path} holds no finished model: continue it by `resume=True`.")
        name = name or next(iter(models))
        if name not in models:
            raise UserError(f"{self.path} has no model {name!r}; it has {', '.join(models)}.")
        return models[name]


def versions():
    """The library versions that a run depends on."""
    from importlib.metadata import version

    names = ("tensorflow", "keras", "tensorflow-probability", "numpy")
    return {"tfvae": __version__, **{name: version(name) for name in names}}


def _plain(value):
    """`value` with numpy numbers, tuples and paths made into what JSON has."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no other word for it
    return str(value) if isinstance(value, Path) else value


def _difference(before, after):
    before, after = ({"command": c.get("command"), **c.get("arguments", {})} for c in (before, after))
    keys = [k for k in {**before, **after} if before.get(k) != after.get(k)]
    return ", ".join(f"{k} was {before.get(k)!r}, now {after.get(k)!r}" for k in keys)
