"""What a fit to the user's own data is told: shared by Python, the command and `config.json`."""

import dataclasses
import inspect
import re
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from tfvae.host.errors import UserError
from tfvae.models import image_models, table_models
from tfvae.priors.by_name import PriorChoice

_Options = TypeVar("_Options")


@dataclasses.dataclass(frozen=True)
class FitOptions:
    """What tables and images share.

    Attributes:
        model: its name; `tfvae list` shows all.
        prior: in place of the model's own: "standard", "mixture:K", "vamp:K", "exemplar" or "flow".
        latent_dim: int D; None for the model's own choice.
        hidden: widths of the encoder's hidden layers; None for the model's own.
        num_components: of the model's mixture; None for its own choice.
        learning_rate: of the optimizer; None for the model's own choice.
        epochs: at most.
        batch_size: rows in a step.
        patience: epochs without a better validation loss before the training stops.
        holdout: share of the rows that are held out for evaluation.
        seed: of all randomness.
    """

    models: ClassVar[dict[str, Callable]]
    kind: ClassVar[str]

    model: str = "mixture-prior"
    prior: str = ""
    latent_dim: int | None = None
    hidden: tuple[int, ...] | None = None
    num_components: int | None = None
    learning_rate: float | None = None
    epochs: int = 300
    batch_size: int = 64
    patience: int = 30
    holdout: float = 0.1
    seed: int = 0

    def __post_init__(self):
        if self.model:
            check_model(self.model, self.models, self.kind)
            takes_components = "num_components" in inspect.signature(self.models[self.model]).parameters
            if self.num_components is not None and not takes_components:
                raise UserError(f"`num_components` is not an argument of the model {self.model}.")
        check_holdout(self.holdout)
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise UserError(f"`learning_rate` must be above 0, but is {self.learning_rate}.")
        for name in ("epochs", "batch_size", "patience"):
            if not getattr(self, name) >= 1:
                raise UserError(f"`{name}` must be at least 1, but is {getattr(self, name)!r}.")
        if self.prior:
            PriorChoice.parse(self.prior).check(latent_dim=self.latent_dim)
            if self.num_components is not None and self.model == "mixture-prior":
                raise UserError(f"`num_components` is of the prior that {self.prior} replaces: leave it out.")
        if self.hidden is not None:
            object.__setattr__(self, "hidden", tuple(self.hidden))


@dataclasses.dataclass(frozen=True)
class TableOptions(FitOptions):
    """How a model is fitted to a table; see `FitOptions`.

    Attributes:
        model: its name; the empty one for a choice by validation rows.
        columns: names of the columns to model; all where empty.
        exclude: names of columns that are left out.
        label: a column that is not modelled but colours the figures.
        tune: how many models, at most, are fitted for the validation rows to choose from; with a `model` that one alone.
        missing: "model", missing values have a probability of their own; or "drop" or "refuse" such rows.
    """

    models = table_models.MODELS
    kind = "tables"

    columns: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    label: str = ""
    missing: str = "model"
    tune: int = 2
    model: str = ""

    def __post_init__(self):
        super().__post_init__()
        if self.missing not in ("model", "drop", "refuse"):
            raise UserError(f"`missing` must be model, drop or refuse, but is {self.missing!r}.")
        if not self.tune >= 1:
            raise UserError(f"`tune` must be at least 1, but is {self.tune!r}.")
        for name in ("columns", "exclude"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))


@dataclasses.dataclass(frozen=True)
class ImageOptions(FitOptions):
    """How a model is fitted to images; see `FitOptions`.

    Attributes:
        model: its name; the empty one for "convolutional" where the data are a folder, and "mixture-prior" elsewhere.
        image_size: height and width that a folder's images are cropped at the centre and resized to; None for the first
            one's, or, where that is more than 64, for 64, and 32 for fewer than 1,000 images.
        latent_density: what is fitted to the codes afterwards and becomes the prior, as `fit_latent_density` takes it, or
            "none"; None for "mixture" with the models convolutional and epanechnikov where no `prior` is asked for, and
            "none" elsewhere.
    """

    models = image_models.MODELS
    kind = "images"

    model: str = ""
    image_size: int | None = None
    latent_density: str | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.latent_density and not re.fullmatch(r"none|(mixture|flow)(:[1-9]\d*)?", self.latent_density):
            raise UserError(
                f"`latent_density` must be mixture, mixture:K, flow, flow:L or none, but is {self.latent_density!r}."
            )
        if self.model == "poisson" and self.latent_density not in (None, "none"):
            raise UserError(
                "The model poisson has counts as codes, which have no such density: leave out `latent_density`."
            )


def options_of(cls: type[_Options], options: _Options | None, changes: dict[str, Any]) -> _Options:
    """The given options with changes; TypeError for a change that is none of theirs."""
    names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    unknown = [name for name in changes if name not in names]
    if unknown:
        raise TypeError(f"There is no option {unknown[0]!r}; there are {', '.join(names)}.")
    return cls(**changes) if options is None else dataclasses.replace(options, **changes)  # type: ignore[type-var]


def check_model(model: str, models: dict[str, Callable], kind: str) -> None:
    """UserError where there is no such model for this kind of data."""
    if model not in models:
        raise UserError(f"There is no model {model!r} for {kind}: choose one of {', '.join(models)}.")


def check_holdout(holdout: float) -> None:
    """UserError where a share of held-out rows is no share."""
    if not 0 < holdout < 1:
        raise UserError(f"`holdout` must be between 0 and 1, but is {holdout}.")
