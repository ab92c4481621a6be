"""Generated haplotypes beside real ones: frequencies, linkage, principal components, modes, copies. All on 0 and 1."""

import numpy as np

from tfvae.data.haplotypes import minor_allele_frequency

_PAIRS = 2_000_000  # pairs of sites that linkage is compared on, at most
_MODES, _COMPONENTS, _GAPS = 8, 4, (1, 4, 16)


def genotype_report(train, real, generated, seed=0):
    """All measures of generated haplotypes against real ones that the generator has not seen.

    Args:
        train: `(n, V)`, what the generator was fitted to.
        real: `(m, V)`, held out.
        generated: `(k, V)` draws of 0 and 1.
        seed: of the subsamples that make the sets equal in size.

    Returns:
        Flat dict: `af_*`, `ld_*`, `pc*_distance`, `modes_hit`, `low_density`, `aats*`, `copies`, `privacy_loss`,
        `three_point_*`. Print it beside the same for real haplotypes, `genotype_report(train, real, other_real)`.

    Source: Yelmen et al. (2021), PLOS Genetics pgen.1009303, for most of the measures.
    """
    return {
        **allele_frequencies(real, generated),
        **linkage(real, generated, seed),
        **component_distances(train, real, generated),
        **modes(train, real, generated),
        **adversarial_accuracy(real, generated, seed),
        **copying(train, real, generated, seed),
        **three_point(real, generated),
    }


def allele_frequencies(real, generated):
    """Correlation and largest difference of the ALT frequencies, over all sites and where ALT is rare (below 0.2)."""
    a, b = real.mean(axis=0, dtype="float64"), generated.mean(axis=0, dtype="float64")
    rare = a < 0.2
    return {
        "af_correlation": _correlation(a, b),
        "af_correlation_rare": _correlation(a[rare], b[rare]),
        "af_largest_difference": float(np.abs(a - b).max()),
    }


def linkage(real, generated, seed=0):
    """Correlation of r² over pairs of sites that vary in both sets, and how many sites do not vary in the generated one."""
    vary = minor_allele_frequency(real) > 0
    lost = vary & (minor_allele_frequency(generated) == 0)
    both = vary & ~lost
    a, b = (squared_correlations(x[:, both]) for x in (real, generated))
    pairs = np.triu_indices(len(a), 1)
    if len(pairs[0]) > _PAIRS:
        chosen = np.random.default_rng(seed).choice(len(pairs[0]), _PAIRS, replace=False)
        pairs = pairs[0][chosen], pairs[1][chosen]
    return {"ld_correlation": _correlation(a[pairs], b[pairs]), "ld_sites_lost": int(lost.sum())}


def squared_correlations(alleles):
    """r² of every pair of sites, `(V, V)`; NaN where a site does not vary."""
    x = alleles - alleles.mean(axis=0, dtype="float64")
    sd = np.sqrt((x**2).mean(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((x.T @ x) / len(x) / np.outer(sd, sd)) ** 2


def linkage_decay(alleles, positions, edges, groups=None):
    """Mean r² of pairs of varying sites by distance: an array with a value for each interval of `edges`, in base pairs.

    Args:
        alleles: `(n, V)`.
        positions: `(V,)`.
        edges: increasing, base pairs.
        groups: `(V,)` or None; where given, only pairs of different groups count, such as of two sections.
    """
    vary = minor_allele_frequency(alleles) > 0
    r2, at = squared_correlations(alleles[:, vary]), np.asarray(positions)[vary]
    i, j = np.triu_indices(len(at), 1)
    if groups is not None:
        group = np.asarray(groups)[vary]
        across = group[i] != group[j]
        i, j = i[across], j[across]
    interval = np.digitize(at[j] - at[i], edges) - 1
    inside = (interval >= 0) & (interval < len(edges) - 1)
    total = np.bincount(interval[inside], r2[i, j][inside], len(edges) - 1)
    count = np.bincount(interval[inside], minlength=len(edges) - 1)
    return np.divide(total, count, out=np.full(len(edges) - 1, np.nan), where=count > 0)


class PrincipalComponents:
    """Principal components of training haplotypes, on which others are laid.

    Args:
        train: `(n, V)`.
        count: int, how many.
    """

    def __init__(self, train, count=2):
        self.mean = train.mean(axis=0, dtype="float64")
        centered = train - self.mean
        _, vectors = np.linalg.eigh(centered.T @ centered)
        self.axes = vectors[:, ::-1][:, :count]
        self.axes *= np.sign(self.axes[np.abs(self.axes).argmax(axis=0), np.arange(self.axes.shape[1])])

    def __call__(self, x):
        """`(n, count)` of alleles or of probabilities."""
        return (x - self.mean) @ self.axes


def component_distances(train, real, generated, count=_COMPONENTS):
    """Wasserstein-1 distance on each principal component of the training data, in standard deviations of the real data."""
    from scipy.stats import wasserstein_distance

    components = PrincipalComponents(train, count)
    a, b = components(real), components(generated)
    return {
        f"pc{k + 1}_distance": float(wasserstein_distance(a[:, k], b[:, k]) / a[:, k].std()) for k in range(a.shape[1])
    }


def modes(train, real, generated):
    """How many of the training data's eight modes on PC1–PC2 are hit, and the share of points where there are next to none.

    A mode is a component of a Gaussian mixture; it is hit where its share among the generated points is at least half its
    share among the real ones. Of low density is what lies below the training data's 1 % quantile of the mixture's density:
    the "path between the modes". Read the two together: a model that falls onto dense regions has less than
    real data.
    """
    from sklearn.mixture import GaussianMixture

    components = PrincipalComponents(train)
    on_train = components(train)
    count = min(_MODES, len(np.unique(on_train.round(6), axis=0)))
    mixture = GaussianMixture(count, random_state=0, reg_covar=1e-3).fit(on_train)
    limit = np.quantile(mixture.score_samples(on_train), 0.01)
    a, b = (np.bincount(mixture.predict(components(x)), minlength=count) / len(x) for x in (real, generated))
    return {
        "modes": int((a > 0).sum()),
        "modes_hit": int(((b >= a / 2) & (a > 0)).sum()),
        "low_density": float((mixture.score_samples(components(generated)) < limit).mean()),
    }


def adversarial_accuracy(real, generated, seed=0):
    """Nearest-neighbour adversarial accuracy, AATS, with its two parts; strict, and with ties counted half.

    0.5 is ideal for sets without twins. Sections have many, so that the strict figure of real data against real data is far
    below 0.5; the mean hides opposite errors, so look at both parts.

    Source: Yale et al. (2020); Yelmen et al. (2021).
    """
    t, s = _equal_sizes(real, generated, seed)
    d_ts = hamming(t, s)
    d_tt, d_ss = _to_others(t), _to_others(s)
    truth, synthetic = (d_ts.min(axis=1), d_tt), (d_ts.min(axis=0), d_ss)
    strict = [float((a > b).mean()) for a, b in (truth, synthetic)]
    corrected = [float(((a > b) + 0.5 * (a == b)).mean()) for a, b in (truth, synthetic)]
    return {
        "aats_strict": float(np.mean(strict)),
        "aats_strict_truth": strict[0],
        "aats_strict_synthetic": strict[1],
        "aats": float(np.mean(corrected)),
        "aats_truth": corrected[0],
        "aats_synthetic": corrected[1],
    }


def copying(train, real, generated, seed=0):
    """Share of exact copies of training haplotypes, beside that of real unseen ones; and the privacy loss.

    The privacy loss is AATS(real, generated) − AATS(train, generated), ties counted half: near 0 where the generator keeps
    as far from its training people as from others, near 0.3 for a copy of the training set.
    """
    known = {row.tobytes() for row in np.ascontiguousarray(train, "uint8")}

    def copied(x):
        return float(np.mean([row.tobytes() in known for row in np.ascontiguousarray(x, "uint8")]))

    n = min(len(train), len(real), len(generated))
    a, b, c = (_subsample(x, n, seed) for x in (real, train, generated))
    loss = adversarial_accuracy(a, c, seed)["aats"] - adversarial_accuracy(b, c, seed)["aats"]
    return {"copies": copied(generated), "copies_of_unseen": copied(real), "privacy_loss": loss}


def is_overfitted(report, reference):
    """Whether a report tells of a generator that gives its training people away: more than real unseen people do by chance.

    Args:
        report: `genotype_report` of generated haplotypes.
        reference: the same of real ones.
    """
    copied = report["copies"] > report["copies_of_unseen"] + 0.1
    return copied or report["privacy_loss"] > reference["privacy_loss"] + 0.05


def three_point(real, generated):
    """Correlation of the three-point moments E(x_i − m_i)(x_j − m_j)(x_k − m_k) at gaps of 1, 4 and 16 sites."""
    found = {}
    for gap in _GAPS:
        if real.shape[1] > 2 * gap + 1:
            a, b = (_third_moments(x, gap) for x in (real, generated))
            found[f"three_point_{gap}"] = _correlation(a, b)
    return found


def hamming(a, b):
    """Numbers of differing alleles, `(len(a), len(b))`, by one matrix product."""
    a, b = a.astype("float32"), b.astype("float32")
    return np.rint(a.sum(axis=1)[:, None] + b.sum(axis=1)[None] - 2 * a @ b.T)


def _to_others(x):
    distances = hamming(x, x)
    np.fill_diagonal(distances, np.inf)
    return distances.min(axis=1)


def _equal_sizes(a, b, seed):
    n = min(len(a), len(b))
    return _subsample(a, n, seed), _subsample(b, n, seed)


def _subsample(x, n, seed):
    return x if len(x) == n else x[np.random.default_rng(seed).permutation(len(x))[:n]]


def _third_moments(x, gap):
    x = x - x.mean(axis=0, dtype="float64")
    end = x.shape[1] - 2 * gap
    return np.einsum("nv,nv,nv->v", x[:, :end], x[:, gap : gap + end], x[:, 2 * gap :]) / len(x)


def _correlation(a, b):
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 1 and a.std() > 0 and b.std() > 0 else None
