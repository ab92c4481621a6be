"""Haplotypes at a run's sites, out of files of variants and back into VCF."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfvae.codecs.codec import Codec
from tfvae.data.haplotypes import HaplotypeStore, load_haplotypes, match_sites
from tfvae.data.tables import write_table
from tfvae.data.vcf_writer import write_vcf
from tfvae.host.errors import UserError

SECTIONS = "sections"  # folder of a run: one subfolder a section
STORE = "haplotypes"  # folder of a run: the haplotypes that it was fitted to
JOINT = "joint.keras"  # a run's density over the sections' codes
_BOUNDARIES = (
    "The sections were drawn independently of each other, so that there is no linkage across their boundaries; "
    "a joint density, `tfvae.fit_haplotypes(…, joint=True)`, draws whole haplotypes."
)


class HaplotypeCodec(Codec):
    """Haplotypes `(n, V)` of 0 and 1 at the sites that a run models, section after section.

    Args:
        sites: `pandas.DataFrame` of V rows: contig, position, id, ref, alt.
        num_sites: the number of sites of each section.
        lengths: contig -> base pairs.
        joint: bool, whether the sections are drawn together.
        irregular: what to do with irregular records of new files.
    """

    kind = "haplotypes"
    suffixes = (".vcf", ".vcf.gz", ".npy", ".npz", ".csv", ".parquet")

    def __init__(
        self,
        sites: pd.DataFrame,
        num_sites: Sequence[int],
        lengths: Any = None,
        joint: bool = False,
        irregular: str = "refuse",
    ):
        self.sites, self.num_sites, self.lengths = sites, list(num_sites), lengths or {}
        self.joint, self.irregular = joint, irregular

    def read(self, data: Any) -> Any:
        """The haplotypes of a file of variants, or of several with commas between, at this run's sites."""
        found = load_haplotypes(split_files(data), irregular=self.irregular)
        return match_sites(found, self.sites, str(data))

    def check(self, rows: Any) -> Any:
        rows = np.asarray(rows)
        if rows.ndim != 2 or rows.shape[1] != len(self.sites) or not np.isin(rows, (0, 1)).all():
            raise UserError(
                f"Haplotypes must be an array of 0 and 1 at this run's {len(self.sites)} sites, but got the "
                f"shape {rows.shape}."
            )
        return rows

    def takes_draws(self, path: str | Path) -> bool:
        return Path(path).name.lower().endswith((".vcf", ".vcf.gz"))

    def write(self, rows: Any, path: str | Path) -> None:
        if self.takes_draws(path):
            several = len(self.num_sites) > 1
            notes = () if not several else ("Whole haplotypes, drawn jointly.",) if self.joint else (_BOUNDARIES,)
            write_vcf(path, rows, self.sites, lengths=self.lengths, notes=notes)
        else:
            sites = self.sites[["contig", "position", "ref", "alt"]].itertuples(index=False)
            names = [f"{s.contig}:{s.position}:{s.ref}>{s.alt}" for s in sites]
            write_table(pd.DataFrame(np.asarray(rows), columns=names), path)

    def transform(self, rows: Any, seed: int = 0) -> np.ndarray:
        return np.asarray(rows, "float32")

    def inverse(self, vectors: np.ndarray) -> Any:
        return np.asarray(vectors, "float32")

    def to_config(self) -> dict:
        return {"irregular": self.irregular}

    @classmethod
    def from_config(cls, config: dict, folder: Any = None, model: str | None = None) -> Any:
        """The codec of the finished sections of the run in `folder`, or of the one named `model` alone."""
        store = HaplotypeStore(Path(folder) / STORE)
        names = finished_sections(folder) if model is None else [model]
        rows = [np.load(Path(folder) / SECTIONS / name / "sites.npy") for name in names]
        if not rows:
            raise UserError(f"{folder} has no finished section: continue it by `resume=True`.")
        sites = store.sites.iloc[np.concatenate(rows)].reset_index(drop=True)
        joint = model is None and (Path(folder) / JOINT).exists()
        return cls(sites, [len(r) for r in rows], store.about["lengths"], joint, config["irregular"])


def split_files(data):
    """The paths in "a.vcf.gz,b.vcf.gz"."""
    return [part for part in str(data).split(",") if part]


def finished_sections(folder):
    """Names of a run's trained sections, in order."""
    return sorted(path.parent.name for path in Path(folder).glob(f"{SECTIONS}/*/metrics.json"))
