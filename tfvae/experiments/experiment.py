"""The noun: something that can be run again, with a preset and a seed."""

import abc
import dataclasses
import difflib
import importlib
import pkgutil
from pathlib import Path
from typing import Any, ClassVar

from tfvae.host.errors import UserError
from tfvae.host.stderr import start_tensorflow
from tfvae.runs.directory import RunDirectory
from tfvae.runs.report import write_report


@dataclasses.dataclass(frozen=True)
class Experiment(abc.ABC):
    """Abstract: its fields are its settings, at the values of the preset "paper".

    A subclass names itself, says in one line what it does, gives the changes that make its other presets, and defines
    `execute`. The command and the tests find it by walking the class tree.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    presets: ClassVar[dict] = {"paper": {}}
    codec: ClassVar[dict] = {}  # the config of the `Codec` by which the commands use the run; empty for rows of numbers

    seed: int = 0

    @classmethod
    def with_preset(cls, preset: str, **settings: Any) -> Any:
        """The experiment with a preset's settings and then the given ones."""
        if preset not in cls.presets:
            raise UserError(f"{cls.name} has no preset {preset!r}: choose one of {', '.join(cls.presets)}.")
        return cls(**{**cls.presets[preset], **settings})

    def run(
        self, out: str | Path, *, preset: str = "paper", overwrite: bool = False, resume: bool = False
    ) -> RunDirectory:
        """Runs into the directory `out` and returns it as a `RunDirectory`.

        Raises:
            UserError: where `out` exists (unless `overwrite` or `resume`) or cannot be written.
        """
        run = self.create_run(out, preset=preset, overwrite=overwrite, resume=resume)
        self.fill(run)
        return run

    def create_run(
        self, out: str | Path, *, preset: str = "paper", overwrite: bool = False, resume: bool = False
    ) -> RunDirectory:
        """The run directory, checked and with its config, before any work."""
        self.check()
        arguments = {"experiment": self.name, "preset": preset, **dataclasses.asdict(self)}
        config = {"command": "run", "arguments": arguments, **self.codec}
        return RunDirectory.create(out, config, overwrite=overwrite, resume=resume)

    def check(self) -> None:  # noqa: B027  (most experiments need nothing)
        """Raises UserError where something that the experiment needs, such as its data, is not there."""

    def fill(self, run: Any) -> None:
        """Executes into `run` and writes its report."""
        start_tensorflow()
        self.execute(run)
        write_report(run)

    @abc.abstractmethod
    def execute(self, run: Any) -> None:
        """Trains, measures, and writes models, `metrics.json` and figures into `run`; goes on where a kill left it."""


def all_experiments() -> dict:
    """Name -> class of every experiment, from the class tree: each file in a subject's folder is imported."""
    for subject in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if subject.ispkg:
            package = importlib.import_module(f"tfvae.experiments.{subject.name}")
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{package.__name__}.{module.name}")
    found, waiting = {}, [Experiment]
    while waiting:
        cls = waiting.pop()
        waiting.extend(cls.__subclasses__())
        if hasattr(cls, "name"):  # an abstract one has none
            found[cls.name] = cls
    return dict(sorted(found.items()))


def find_experiment(name: Any) -> type:
    """The experiment class of that name; raises UserError that names the nearest one."""
    experiments = all_experiments()
    if name not in experiments:
        nearest = difflib.get_close_matches(name, experiments, n=1, cutoff=0)
        raise UserError(f"There is no experiment {name!r}; did you mean {nearest[0]!r}? `tfvae list` shows all.")
    return experiments[name]
