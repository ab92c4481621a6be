"""Measures of haplotypes against published and measured tables, and against brute force."""

import itertools
import os

import numpy as np
import pytest

from tfvae.data.haplotypes import haplotypes_of, minor_allele_frequency
from tfvae.evaluation import genotypes as g
from tfvae.evaluation.haplotype_models import BernoulliMixture, ChowLiuTree, IndependentSites, LiStephens

DATA = os.environ.get("TFVAE_DATA", "")
needs_data = pytest.mark.skipif(not os.path.isdir(f"{DATA}/haplotypes"), reason="needs TFVAE_DATA")


@pytest.fixture(scope="module")
def panel():
    """(alleles `(V, n)`, section of each site, its position)."""
    with np.load(f"{DATA}/haplotypes/haplotypes.npz") as packed:
        alleles = np.unpackbits(packed["bits"], axis=1)[:, : int(packed["n_haplotypes"])]
        return alleles, packed["section"], packed["pos"]


@pytest.fixture
def small():
    return np.random.default_rng(0).integers(0, 2, (40, 5)).astype("uint8")


def every(width):
    return np.array(list(itertools.product((0, 1), repeat=width)), "uint8")


MODELS = {
    "independent": lambda x: IndependentSites(x),
    "tree": lambda x: ChowLiuTree(x),
    "mixture": lambda x: BernoulliMixture(x, 4, 20),
    "copying": lambda x: LiStephens(x, [10, 20, 200, 210, 900], 1e-3, 0.05),
}


@pytest.mark.parametrize("name", MODELS)
def test_baselines_are_distributions_and_sample_what_they_score(name, small):
    """log p of all 32 haplotypes sums to 1; 40,000 draws have its frequencies within 5 standard errors (error 2e-5)."""
    model = MODELS[name](small)
    x = every(5)
    p = np.exp(model.log_prob(x))
    assert p.sum() == pytest.approx(1, abs=1e-4)
    draws = model.sample(40_000, seed=1)
    counts = np.bincount(draws @ (1 << np.arange(5)[::-1]), minlength=32) / len(draws)
    assert (np.abs(counts - p) < 5 * np.sqrt(p * (1 - p) / len(draws)) + 1e-6).all()


def test_the_copying_model_equals_the_sum_over_paths(small):
    """Brute force over all paths of hidden states, three sites and four haplotypes."""
    train, position, rho, theta = small[:4, :3], np.array([5, 9, 30]), 0.02, 0.1
    jump = -np.expm1(-rho * np.diff(position))
    for x in every(3):
        total = 0.0
        for path in itertools.product(range(4), repeat=3):
            p = 1 / 4
            for v, state in enumerate(path):
                if v:
                    p *= jump[v - 1] / 4 + (1 - jump[v - 1]) * (state == path[v - 1])
                p *= 1 - theta if train[state, v] == x[v] else theta
            total += p
        assert LiStephens(train, position, rho, theta).log_prob(x[None])[0] == pytest.approx(np.log(total), abs=1e-5)


def test_the_grid_is_widened_until_the_best_lies_inside():
    rng = np.random.default_rng(3)
    founders, position = rng.integers(0, 2, (6, 30)), np.arange(30) * 1000
    x = np.array([np.where(np.arange(30) < rng.integers(30), *founders[rng.choice(6, 2)]) for _ in range(80)])
    x = (x ^ (rng.random(x.shape) < 0.02)).astype("uint8")
    best = LiStephens.fit(x[:60], x[60:], position)
    top = best.log_prob(x[60:]).mean()
    for a, b in itertools.product((0.5, 1, 2), repeat=2):
        assert LiStephens(x[:60], position, a * best.rho, b * best.theta).log_prob(x[60:]).mean() <= top + 1e-6
    assert best.theta > 0.002


def test_hamming_and_adversarial_accuracy_by_brute_force():
    rng = np.random.default_rng(1)
    t, s = (rng.integers(0, 2, (12, 6)).astype("uint8") for _ in range(2))
    d = lambda a, b: np.array([[np.abs(x.astype(int) - y).sum() for y in b] for x in a])  # noqa: E731
    np.testing.assert_array_equal(g.hamming(t, s), d(t, s))
    d_tt, d_ss = d(t, t) + 99 * np.eye(12), d(s, s) + 99 * np.eye(12)
    truth = (d(t, s).min(axis=1) > d_tt.min(axis=1)).mean()
    synthetic = (d(s, t).min(axis=1) > d_ss.min(axis=1)).mean()
    found = g.adversarial_accuracy(t, s)
    assert found["aats_strict_truth"] == pytest.approx(truth)
    assert found["aats_strict_synthetic"] == pytest.approx(synthetic)
    swapped = g.adversarial_accuracy(s, t)
    assert swapped["aats_truth"] == found["aats_synthetic"]


def test_linkage_by_its_formula(small):
    r2 = g.squared_correlations(small.astype(float))
    assert r2[0, 3] == pytest.approx(np.corrcoef(small[:, 0], small[:, 3])[0, 1] ** 2)
    positions, edges = np.array([0, 10, 20, 1000, 1010]), [1, 50, 5000]
    near = [r2[i, j] for i, j in ((0, 1), (0, 2), (1, 2), (3, 4))]
    far = [r2[i, j] for i in (0, 1, 2) for j in (3, 4)]
    np.testing.assert_allclose(g.linkage_decay(small, positions, edges), [np.mean(near), np.mean(far)])
    across = g.linkage_decay(small, positions, edges, groups=[0, 0, 0, 1, 1])
    np.testing.assert_allclose(across, [np.nan, np.mean(far)])


def test_sites_lost_are_counted_and_identical_sets_are_perfect(small):
    lost = small.copy()
    lost[:, 2] = 0
    assert g.linkage(small, lost)["ld_sites_lost"] == 1
    same = g.genotype_report(small, small, small)
    for name in ("af_correlation", "ld_correlation", "three_point_1"):
        assert same[name] == pytest.approx(1)
    assert same["pc1_distance"] == 0
    assert same["copies"] == 1
    assert same["modes_hit"] == same["modes"]


def test_third_moments_by_their_formula(small):
    x = small - small.mean(axis=0)
    expected = [(x[:, i] * x[:, i + 1] * x[:, i + 2]).mean() for i in range(3)]
    np.testing.assert_allclose(g._third_moments(small, 1), expected)


REAL_AGAINST_REAL = {  # strict (truth, synthetic), ties counted half (truth, synthetic), of halves of the people
    0: (0.217, 0.232, 0.203, 0.486, 0.498, 0.475),
    3: (0.133, 0.129, 0.136, 0.503, 0.501, 0.505),
    6: (0.339, 0.340, 0.337, 0.506, 0.512, 0.499),
    8: (0.230, 0.225, 0.235, 0.511, 0.509, 0.512),
    9: (0.052, 0.050, 0.055, 0.499, 0.496, 0.501),
}


@needs_data
@pytest.mark.parametrize("section", REAL_AGAINST_REAL)
def test_adversarial_accuracy_of_real_halves(panel, section):
    x = panel[0][panel[1] == section]
    x = x[minor_allele_frequency(x.T) >= 0.01].T
    order = np.random.default_rng(0).permutation(2548)
    a, b = x[haplotypes_of(order[:1274])], x[haplotypes_of(order[1274:])]
    np.testing.assert_allclose(list(g.adversarial_accuracy(a, b).values()), REAL_AGAINST_REAL[section], atol=0.00051)


@needs_data
def test_known_generators(panel):
    """Section 0: memorized, independent and noisy haplotypes, fitted to half of the people; the table's figures ± 0.02."""
    x = panel[0][panel[1] == 0]
    order = np.random.default_rng(0).permutation(2548)
    half = haplotypes_of(order[:1274])
    x = x[minor_allele_frequency(x[:, half].T) >= 0.01].T
    train, real = x[half], x[haplotypes_of(order[1274:])]
    reference = g.genotype_report(train, real, real)
    memorized = g.genotype_report(train, real, train)
    assert memorized["copies"] == 1
    assert memorized["copies_of_unseen"] == pytest.approx(0.42, abs=0.01)
    assert memorized["privacy_loss"] == pytest.approx(0.28, abs=0.02)
    assert memorized["modes_hit"] == 8
    assert memorized["low_density"] == pytest.approx(0.01, abs=0.002)
    assert g.is_overfitted(memorized, {**reference, "privacy_loss": 0.0})
    rng = np.random.default_rng(2)
    noisy = g.genotype_report(train, real, train ^ (rng.random(train.shape) < 0.01))
    assert noisy["aats"] == pytest.approx(0.50, abs=0.02)
    assert (noisy["aats_truth"], noisy["aats_synthetic"]) == pytest.approx((0.93, 0.08), abs=0.02)
    assert noisy["ld_correlation"] == pytest.approx(0.941, abs=0.02)
    independent = g.genotype_report(train, real, IndependentSites(train).sample(len(real)))
    assert independent["aats_truth"] == pytest.approx(1.00, abs=0.02)
    assert abs(independent["ld_correlation"]) < 0.03
    assert independent["modes_hit"] < 5
    assert not g.is_overfitted(independent, {**reference, "privacy_loss": 0.0})


TABLE = {9: {"independent": -38.9, "tree": -10.5, "mixture32": -9.5, "mixture128": -7.1, "copying": -6.0}}


@needs_data
def test_held_out_likelihoods_of_the_baselines(panel):
    """Section 9, 1,018 test haplotypes: the table's figures to 0.1 nats, where no rounding chooses among optima."""
    alleles, section, position = panel
    order = np.random.default_rng(0).permutation(2548)
    train, test = haplotypes_of(np.sort(order[509:])), haplotypes_of(order[:509])
    x, position = alleles[section == 9], position[section == 9]
    kept = minor_allele_frequency(x[:, train].T) >= 0.01
    x, position = x[kept].T, position[kept]
    found = {
        "independent": IndependentSites(x[train]),
        "tree": ChowLiuTree(x[train]),
        "mixture32": BernoulliMixture(x[train], 32),
        "mixture128": BernoulliMixture(x[train], 128),
        "copying": LiStephens(x[train], position, 2.5e-6, 5e-4),
    }
    for name, model in found.items():
        assert model.log_prob(x[test]).mean() == pytest.approx(TABLE[9][name], abs=0.5 if "mixture" in name else 0.1), (
            name
        )
