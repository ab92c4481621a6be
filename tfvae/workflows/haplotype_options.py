"""What a fit to the user's own haplotypes is told: shared by Python, the command and `config.json`."""

import dataclasses
from pathlib import Path
from typing import Any

from tfvae.data.sections import parse_sections
from tfvae.data.variants import parse_irregular, parse_region
from tfvae.host.errors import UserError
from tfvae.models.haplotype_recipes import RECIPES, HaplotypeRecipe
from tfvae.priors.by_name import PriorChoice
from tfvae.workflows.options import check_holdout, check_model

_OF_DATA = ("model", "holdout", "sections", "samples", "labels", "region", "irregular", "min_count", "min_maf", "min_sites",
            "max_sites", "num_samples", "seed")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class HaplotypeOptions:
    """How models are fitted to the sections of a genome.

    Attributes:
        model: name of the recipe; `tfvae list` shows all.
        recipe: `HaplotypeRecipe`; None for that of the model.
        holdout: share of the people that are held out for evaluation.
        sections: how the genome is cut: count:SITES, bp:LENGTH, cm:MAP:CM, hotspots:MAP[:RATE], breaks:FILE or info:FIELD.
        samples: a file with the people to read, one a line; all where empty.
        labels: a .tsv of person and label, which colours figures.
        region: CONTIG or CONTIG:FIRST-LAST; all where empty.
        irregular: what happens to records that are not phased, diploid and biallelic: refuse, drop, or such as
            missing=impute,unphased=drop.
        min_count: fewest copies of the rarer allele.
        min_maf: least frequency of it among the training people.
        min_sites, max_sites: of a section; None for no upper limit.
        num_samples: importance samples of each held-out haplotype.
        seed: of all randomness.
    """

    model: str = "mixture-prior"
    recipe: HaplotypeRecipe | None = None
    holdout: float = 0.1
    sections: str = "count:1000"
    samples: str = ""
    labels: str = ""
    region: str = ""
    irregular: str = "refuse"
    min_count: int = 0
    min_maf: float = 0.01
    min_sites: int = 50
    max_sites: int | None = None
    num_samples: int = 1000
    seed: int = 0

    def __post_init__(self):
        check_model(self.model, RECIPES, "haplotypes")
        check_holdout(self.holdout)
        parse_sections(self.sections)
        parse_irregular(self.irregular)
        if self.region:
            parse_region(self.region)
        if self.max_sites is not None and self.max_sites < 2 * self.min_sites:
            raise UserError(
                f"`max_sites` must be at least twice `min_sites`, {self.min_sites}, but is {self.max_sites}."
            )
        if not 0 <= self.min_maf < 0.5:
            raise UserError(f"`min_maf` must be from 0 to below 0.5, but is {self.min_maf}.")
        for name in ("samples", "labels"):
            if getattr(self, name) and not Path(getattr(self, name)).is_file():
                raise UserError(f"`{name}`: there is no file {getattr(self, name)}.")
        if self.recipe is None:
            object.__setattr__(self, "recipe", RECIPES[self.model]())
        PriorChoice.parse(self.recipe.prior)

    @classmethod
    def with_recipe(cls, options: "HaplotypeOptions | None" = None, **changes: Any) -> "HaplotypeOptions":
        """The options with changes, of which those that are a recipe's change the recipe.

        Raises:
            TypeError: for a name that is none of either.
            UserError: for a value that no model can be made of.
        """
        of_recipe = {f.name for f in dataclasses.fields(HaplotypeRecipe)}
        own = {k: v for k, v in changes.items() if k in _OF_DATA or k == "recipe"}
        more = {k: v for k, v in changes.items() if k not in own}
        unknown = [k for k in more if k not in of_recipe]
        if unknown:
            raise TypeError(
                f"There is no option {unknown[0]!r}; there are {', '.join([*_OF_DATA, *sorted(of_recipe)])}."
            )
        if options is not None and own.get("model", options.model) != options.model:
            own.setdefault("recipe", None)  # the model's own, not that of the options' model
        made = cls(**own) if options is None else dataclasses.replace(options, **own)
        if not more:
            return made
        try:
            recipe = dataclasses.replace(made.recipe or RECIPES[made.model](), **more)
        except (ValueError, TypeError) as error:
            raise UserError(f"`recipe`: {str(error).splitlines()[0]}") from None
        return dataclasses.replace(made, recipe=recipe)
