"""Latent samples a second of an importance-sampled likelihood: 784-300-300-40, tfvae beside PyTorch and the machine's peak.

    python benchmarks/likelihood_speed.py [--samples 500] [--images 1024] [--whole]

Each sample is drawn, decoded and weighed. Every contender runs in a process of its own; `--whole` also scores 10,000 images
with 5000 samples and reports the minutes and the memory.
"""

import argparse
import json
import math
import resource
import time

import numpy as np
from contest import matmul_peak, measured_alone

PIXELS, HIDDEN, LATENT = 784, 300, 40
FLOPS = 2 * (LATENT * HIDDEN + HIDDEN * HIDDEN + HIDDEN * PIXELS)  # of one decoding


def images(n):
    return (np.random.default_rng(0).random((n, PIXELS)) < 0.13).astype("float32")


def run_tfvae(num_images, num_samples, components=None):
    """Seconds, after a first call that compiles."""
    import tfvae
    from tfvae.layers import IndependentBernoulli
    from tfvae.priors import MixturePrior

    prior = components and MixturePrior(LATENT, components, seed=0)
    likelihood = IndependentBernoulli(PIXELS, "mean")
    vae = tfvae.make_dense_vae(PIXELS, LATENT, (HIDDEN, HIDDEN), prior=prior, likelihood=likelihood)
    x = images(num_images)
    vae.log_likelihood(x, 50)
    start = time.perf_counter()
    estimate = vae.log_likelihood(x, num_samples)
    seconds = time.perf_counter() - start
    assert np.isfinite(estimate.mean)
    return seconds


def run_torch(num_images, num_samples, rows=512, chunk=10):
    """The same in PyTorch, in chunks of the same size."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.manual_seed(0)
    encoder = nn.Sequential(
        nn.Linear(PIXELS, HIDDEN), nn.ELU(), nn.Linear(HIDDEN, HIDDEN), nn.ELU(), nn.Linear(HIDDEN, 2 * LATENT)
    )
    decoder = nn.Sequential(
        nn.Linear(LATENT, HIDDEN), nn.ELU(), nn.Linear(HIDDEN, HIDDEN), nn.ELU(), nn.Linear(HIDDEN, PIXELS)
    )
    data = torch.tensor(images(num_images))

    @torch.no_grad()
    def score(samples):
        pieces = []
        for x in data.split(rows):
            mean, raw = encoder(x).chunk(2, dim=-1)
            scale = functional.softplus(raw)
            total = torch.full((len(x),), -math.inf)
            for start in range(0, samples, chunk):
                noise = torch.randn(min(chunk, samples - start), *mean.shape)
                z = mean + scale * noise
                logits = decoder(z)
                log_px = (x * logits - functional.softplus(logits)).sum(-1)
                log_ratio = (0.5 * noise**2 - 0.5 * z**2 + scale.log()).sum(-1)
                total = torch.logaddexp(total, (log_px + log_ratio).logsumexp(0))
            pieces.append(total - math.log(samples))
        return torch.cat(pieces)

    score(chunk)
    start = time.perf_counter()
    score(num_samples)
    return time.perf_counter() - start


CONTENDERS = {
    "tfvae, N(0, I)": run_tfvae,
    "tfvae, mixture of 500": lambda n, s: run_tfvae(n, s, 500),
    "PyTorch, batched, N(0, I)": run_torch,
    "peak": matmul_peak,
}


def alone(name, num_images, num_samples):
    """(seconds, MiB of memory) of a contender in a process of its own; (None, what went wrong)."""
    found, error = measured_alone("likelihood_speed.py", only=name, images=num_images, samples=num_samples)
    return found or (None, error)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--whole", action="store_true", help="10,000 images with 5000 samples too")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        seconds = CONTENDERS[arguments.only](arguments.images, arguments.samples)
        print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
        return
    peak, _ = alone("peak", 1, 1)
    draws = arguments.images * arguments.samples
    print(
        f"latent samples a second, {arguments.images} images x {arguments.samples} (peak: {peak / 1e9:.0f} GFLOP a second)"
    )
    ours = None
    for name in list(CONTENDERS)[:-1]:
        seconds, memory = alone(name, arguments.images, arguments.samples)
        if seconds is None:
            print(f"  {name:<28} not measured: {memory}")
            continue
        rate = draws / seconds
        ours = ours or rate
        share = rate * FLOPS / peak
        print(f"  {name:<28} {rate:10,.0f}   {ours / rate:5.2f} x tfvae's time   {share:4.0%} of the peak", flush=True)
    if arguments.whole:
        seconds, memory = alone("tfvae, N(0, I)", 10_000, 5_000)
        print(f"\n10,000 images x 5000 samples: {seconds / 60:.1f} minutes, {memory / 1024:.1f} GiB at most")


if __name__ == "__main__":
    main()
