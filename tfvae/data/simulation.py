"""Simulated haplotypes: three populations out of Africa, with recombination hotspots, by msprime."""

from typing import Any

import numpy as np
import pandas as pd

from tfvae.data.haplotypes import Haplotypes
from tfvae.host.errors import UserError
from tfvae.host.requirements import require

POPULATIONS = ("YRI", "CEU", "CHB")
_GENERATION = 25  # years
_HOTSPOT_EVERY, _HOTSPOT_WIDTH = 60_000, 2_000  # base pairs
_HOTSPOT, _COLD, _MUTATION = 4e-7, 2e-9, 1.6e-8  # a base pair and generation


def simulate_haplotypes(num_people: int = 300, length: int = 1_000_000, seed: int = 1, min_count: int = 3) -> Any:
    """`Haplotypes` of one contig, "1", and the population of each person.

    The out-of-Africa model of Gutenkunst et al. (2009), table 1, and hotspots of recombination every 60 kb on a cold
    ground, between which haplotype blocks form.

    Args:
        num_people: int, shared out over YRI, CEU and CHB.
        length: int, base pairs.
        seed: int >= 1.
        min_count: int, sites with fewer copies of ALT are left out, as in published panels.

    Returns:
        (`Haplotypes`, list of populations).

    Raises:
        UserError: where msprime is not installed.
    """
    msprime = require("msprime", "simulate")
    shares = [num_people // 3 + (k < num_people % 3) for k in range(3)]
    samples = [msprime.SampleSet(n, population=p) for p, n in zip(POPULATIONS, shares, strict=True) if n]
    trees = msprime.sim_ancestry(
        samples, demography=_out_of_africa(msprime), recombination_rate=_hotspots(msprime, length), random_seed=seed
    )
    trees = msprime.sim_mutations(trees, rate=_MUTATION, random_seed=seed)
    rows, sites, taken = [], [], set()
    for variant in trees.variants():
        if len(variant.alleles) != 2 or min_count > variant.genotypes.sum():
            continue
        position = int(variant.site.position) + 1
        if position not in taken and position <= length:
            taken.add(position)
            rows.append(variant.genotypes.astype("uint8"))
            sites.append(("1", position, ".", *variant.alleles, None))
    if not rows:
        raise UserError(
            f"{num_people} people at {length} base pairs vary nowhere often enough: simulate more of either."
        )
    sites = pd.DataFrame(sites, columns=["contig", "position", "id", "ref", "alt", "section"])
    people = [p for p, n in zip(POPULATIONS, shares, strict=True) for _ in range(n)]
    names = [f"{p}{k:05d}" for k, p in enumerate(people)]
    return Haplotypes(np.stack(rows, axis=1), sites, names), people


def _hotspots(msprime, length):
    edges = [0.0]
    rates = []
    for start in range(_HOTSPOT_EVERY, length, _HOTSPOT_EVERY):
        edges += [start, min(start + _HOTSPOT_WIDTH, length)]
        rates += [_COLD, _HOTSPOT]
    if edges[-1] < length:
        edges.append(length)
        rates.append(_COLD)
    return msprime.RateMap(position=edges, rate=rates)


def _out_of_africa(msprime):
    ancestral, african, out = 7_300, 12_300, 2_100
    split_out, split_eurasia, growth_of_africa = (years / _GENERATION for years in (140e3, 21.2e3, 220e3))
    europe, asia = 1_000 * np.exp(0.004 * split_eurasia), 510 * np.exp(0.0055 * split_eurasia)
    d = msprime.Demography()
    d.add_population(name="YRI", initial_size=african)
    d.add_population(name="CEU", initial_size=europe, growth_rate=0.004)
    d.add_population(name="CHB", initial_size=asia, growth_rate=0.0055)
    d.add_population(name="OOA", initial_size=out)
    d.set_symmetric_migration_rate(["CEU", "CHB"], 9.6e-5)
    d.set_symmetric_migration_rate(["YRI", "CHB"], 1.9e-5)
    d.set_symmetric_migration_rate(["YRI", "CEU"], 3e-5)
    d.add_population(name="AMH", initial_size=african)
    d.add_population(name="ANC", initial_size=ancestral)
    d.add_population_split(time=split_eurasia, derived=["CEU", "CHB"], ancestral="OOA")
    d.add_symmetric_migration_rate_change(time=split_eurasia, populations=["YRI", "OOA"], rate=25e-5)
    d.add_population_split(time=split_out, derived=["YRI", "OOA"], ancestral="AMH")
    d.add_population_split(time=growth_of_africa, derived=["AMH"], ancestral="ANC")
    return d
