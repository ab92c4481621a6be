"""Haplotypes: genotypes read in a second beside other readers, and ten sections trained, on 2 cores.

    python benchmarks/haplotypes.py [--train]

Takes the file of TFVAE_DATA where that is set, and simulated people elsewhere. Readers that are not installed are left out.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def by_tfvae(path):
    from tfvae.data.haplotypes import HaplotypeStore

    with tempfile.TemporaryDirectory() as folder:
        store = HaplotypeStore.create(Path(folder) / "store", [path])
        return len(store.sites) * len(store.samples)


def by_cyvcf2(path):
    from cyvcf2 import VCF

    file = VCF(str(path))
    return len(np.stack([v.genotype.array()[:, :2].astype("int8") for v in file])) * len(file.samples)


def by_scikit_allel(path):
    import allel

    found = allel.read_vcf(str(path), fields=["calldata/GT"])["calldata/GT"]
    return found.shape[0] * found.shape[1]


def by_pysam(path):
    import pysam

    with pysam.VariantFile(str(path)) as file:
        rows = [[call["GT"] for call in record.samples.values()] for record in file]
    return len(rows) * len(rows[0])


READERS = {
    "tfvae, checked, into its store": by_tfvae,
    "cyvcf2, unchecked, into memory": by_cyvcf2,
    "scikit-allel, into memory": by_scikit_allel,
    "pysam, tuples": by_pysam,
}


def data(folder):
    """The real file, or a simulated one of 2,000 people."""
    path = Path(os.environ.get("TFVAE_DATA") or "no folder") / "haplotypes" / "1000g_chr1_sections_0-9.vcf.gz"
    if path.is_file():
        return path, "info:SEC"
    from tfvae.data import simulate_haplotypes, write_vcf

    found, _ = simulate_haplotypes(2_000, 800_000)
    path = Path(folder) / "simulated.vcf.gz"
    write_vcf(path, found.alleles, found.sites)
    return path, "count:1000"


def read_all(path):
    first = None
    for name, read in READERS.items():
        try:
            if read is not by_pysam:  # which takes a minute
                read(path)  # so that the file is in the cache and the library is imported
            start = time.perf_counter()
            genotypes = read(path)
            rate = genotypes / (time.perf_counter() - start) / 1e6
        except ImportError as error:
            print(f"{name:36} not installed ({error.name})")
            continue
        first = first or rate
        print(f"{name:36} {rate:8.1f} million genotypes a second   {rate / first:5.2f} of tfvae")


def train(path, sections, folder):
    """The command, as a user types it."""
    import subprocess

    start = time.perf_counter()
    arguments = ["fit", str(path), "--sections", sections, "--out", f"{folder}/run", "--holdout", "0.2"]
    subprocess.run([sys.executable, "-m", "tfvae", *arguments], check=True)
    print(f"ten sections read, trained, scored and drawn: {(time.perf_counter() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", action="store_true", help="also train all sections, some 15 minutes on 2 cores")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        file, cut = data(scratch)
        print(f"{file.name}, one core")
        read_all(file)
        if chosen.train:
            train(file, cut, scratch)
