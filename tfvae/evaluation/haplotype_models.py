"""Densities of haplotypes without a latent space, fitted in seconds: what a VAE has to beat."""

import abc

import numpy as np
from scipy.special import logsumexp

_CACHE = 2**17  # numbers of the copying model's state that are worked on at a time


class HaplotypeModel(abc.ABC):
    """Abstract: p(x) of haplotypes `(n, V)` of 0 and 1, fitted by its constructor."""

    @abc.abstractmethod
    def log_prob(self, x):
        """log p of each row, `(n,)`, in nats."""

    @abc.abstractmethod
    def sample(self, n, seed=0):
        """n draws, uint8 `(n, V)`."""


class IndependentSites(HaplotypeModel):
    """p(x) = Π_v p(x_v), with half a pseudo-count an allele."""

    def __init__(self, train):
        self.frequency = _frequency(train)

    def log_prob(self, x):
        return x @ np.log(self.frequency) + (1.0 - x) @ np.log1p(-self.frequency)

    def sample(self, n, seed=0):
        return (np.random.default_rng(seed).random((n, len(self.frequency))) < self.frequency).astype("uint8")


class ChowLiuTree(HaplotypeModel):
    """p(x) = p(x_root) Π p(x_v | x_parent) on the maximum spanning tree of the pairwise mutual information.

    A quarter of a pseudo-count in each cell of a pair. Source: Chow and Liu (1968).
    """

    def __init__(self, train):
        x, n = train.astype("float32"), len(train)
        both = (x.T @ x).astype("float64")
        ones = np.diag(both)
        counts = np.empty((2, 2, *both.shape))
        counts[1, 1], counts[1, 0], counts[0, 1] = both, ones[:, None] - both, ones[None] - both
        counts[0, 0] = n - counts[1, 1] - counts[1, 0] - counts[0, 1]
        joint = (counts + 0.25) / (n + 1)
        left, right = joint.sum(axis=1), joint.sum(axis=0)
        information = (joint * np.log(joint / (left[:, None] * right[None]))).sum(axis=(0, 1))
        self.frequency = _frequency(train)
        self.edges = _spanning_tree(information)
        # log p(child = b | parent = a): [a, b, edge]
        parents, children = self.edges.T
        pairs = joint[:, :, parents, children]
        self.log_conditional = np.log(pairs / pairs.sum(axis=1, keepdims=True))

    def log_prob(self, x):
        x = np.asarray(x, int)
        root = self.edges[0, 0]
        parents, children = self.edges.T
        terms = self.log_conditional[x[:, parents], x[:, children], np.arange(len(self.edges))].sum(axis=1)
        return np.where(x[:, root] == 1, np.log(self.frequency[root]), np.log1p(-self.frequency[root])) + terms

    def sample(self, n, seed=0):
        rng = np.random.default_rng(seed)
        x = np.zeros((n, len(self.frequency)), "uint8")
        root = self.edges[0, 0]
        x[:, root] = rng.random(n) < self.frequency[root]
        for k, (parent, child) in enumerate(self.edges):
            x[:, child] = rng.random(n) < np.exp(self.log_conditional[x[:, parent], 1, k])
        return x


class BernoulliMixture(HaplotypeModel):
    """p(x) = Σ_k w_k Π_v p_k(x_v), by EM from rows of the data.

    Args:
        train: `(n, V)`.
        num_components: int K.
        num_steps: int, steps of EM.
        seed: of the rows that it starts from.
    """

    def __init__(self, train, num_components, num_steps=80, seed=1):
        x = train.astype("float32")
        mean = x.mean(axis=0)
        rows = np.random.default_rng(seed).choice(len(x), num_components, replace=False)
        self.probabilities = np.clip(0.7 * (0.8 * x[rows] + 0.1) + 0.3 * mean, 1e-4, 1 - 1e-4)
        self.weights = np.full(num_components, 1 / num_components)
        for _ in range(num_steps):
            joint = self._log_joint(x)
            share = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
            size = share.sum(axis=0)
            means = (share.T @ x + 0.5 * mean) / (size[:, None] + 0.5)
            self.probabilities = np.clip(means, 1e-4, 1 - 1e-4)
            self.weights = np.maximum(size / len(x), 1e-12)

    def _log_joint(self, x):
        log_on, log_off = np.log(self.probabilities), np.log1p(-self.probabilities)
        return x.astype("float32") @ (log_on - log_off).T + log_off.sum(axis=1) + np.log(self.weights)

    def log_prob(self, x):
        return logsumexp(self._log_joint(np.asarray(x)), axis=1)

    def sample(self, n, seed=0):
        rng = np.random.default_rng(seed)
        k = rng.choice(len(self.weights), n, p=self.weights / self.weights.sum())
        return (rng.random((n, self.probabilities.shape[1])) < self.probabilities[k]).astype("uint8")


class LiStephens(HaplotypeModel):
    """A mosaic of the training haplotypes, copied with mistakes: a hidden Markov model along the sites.

    Every training haplotype is a state; between neighbouring sites d base pairs apart the chain jumps with probability
    1 − exp(−ρ d) to one chosen uniformly; an allele is copied wrongly with probability θ.

    Args:
        train: `(n, V)` of 0 and 1.
        position: `(V,)`, base pairs.
        rho: float, jumps a base pair.
        theta: float, mistakes an allele.

    Source: Li and Stephens (2003).
    """

    def __init__(self, train, position, rho, theta):
        # Equal haplotypes are one state with their shares added: the same density, and fewer states.
        self.states, counts = np.unique(np.asarray(train, "uint8"), axis=0, return_counts=True)
        self.share = (counts / counts.sum()).astype("float32")
        self.jump = -np.expm1(-rho * np.diff(np.asarray(position, "float64"))).astype("float32")
        self.rho, self.theta = float(rho), float(theta)

    @classmethod
    def fit(cls, train, validation, position):
        """The model of the ρ and θ best on `validation`, whose grid is widened until the best lies inside it.

        The grid is of factors of 2 around ρ = 1e-5 and θ = 5e-4.
        """
        rho, theta = {0: 1e-5}, {0: 5e-4}
        scores, best = {}, (0, 0)

        def score(i, j):
            if (i, j) not in scores:
                r, t = (values.setdefault(k, values[0] * 2.0**k) for values, k in ((rho, i), (theta, j)))
                scores[i, j] = cls(train, position, r, t).log_prob(validation).mean() if t <= 0.5 else -np.inf
            return scores[i, j]

        while True:  # uphill on the lattice: at its end all eight neighbours are lower, so that it lies inside
            around = [(best[0] + a, best[1] + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
            top = max(around, key=lambda at: score(*at))
            if score(*top) <= score(*best):
                return cls(train, position, rho[best[0]], theta[best[1]])
            best = top

    def log_prob(self, x):
        x = np.asarray(x, "uint8")
        rows = max(1, _CACHE // len(self.states))
        return np.concatenate([self._forward(x[k : k + rows]) for k in range(0, len(x), rows)])

    def _forward(self, x):
        """The forward pass of some rows together."""
        right, wrong = np.float32(1 - self.theta), np.float32(self.theta)
        columns = np.ascontiguousarray(self.states.T)
        alpha, log_p = np.tile(self.share, (len(x), 1)), np.zeros(len(x))
        emission = np.empty((2, len(self.share)), "float32")
        for v in range(x.shape[1]):
            if v:
                alpha *= 1 - self.jump[v - 1]
                alpha += self.jump[v - 1] * self.share
            emission[1] = np.where(columns[v], right, wrong)
            emission[0] = np.where(columns[v], wrong, right)
            alpha *= emission[x[:, v]]
            total = alpha.sum(axis=1)
            alpha /= total[:, None]
            log_p += np.log(total)
        return log_p

    def sample(self, n, seed=0):
        rng = np.random.default_rng(seed)
        state = rng.choice(len(self.share), n, p=self.share / self.share.sum())
        x = np.empty((n, self.states.shape[1]), "uint8")
        for v in range(x.shape[1]):
            if v:
                jumps = rng.random(n) < self.jump[v - 1]
                state[jumps] = rng.choice(len(self.share), jumps.sum(), p=self.share / self.share.sum())
            x[:, v] = self.states[state, v] ^ (rng.random(n) < self.theta)
        return x


def _frequency(train):
    return (train.sum(axis=0, dtype="float64") + 0.5) / (len(train) + 1)


def _spanning_tree(weights):
    """Edges (parent, child) of the maximum spanning tree, each parent before its children (Prim)."""
    count = len(weights)
    best, parent = weights[0].copy(), np.zeros(count, int)
    best[0] = -np.inf
    edges, inside = [], np.zeros(count, bool)
    inside[0] = True
    for _ in range(count - 1):
        child = int(np.argmax(np.where(inside, -np.inf, best)))
        edges.append((parent[child], child))
        inside[child] = True
        better = weights[child] > best
        best, parent = np.where(better, weights[child], best), np.where(better & ~inside, child, parent)
    return np.array(edges, int).reshape(-1, 2)
