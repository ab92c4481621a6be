"""Seconds per epoch of the documents' models: tfvae beside its peers, in one run on one machine.

    python benchmarks/fit_speed.py [--contest mixture mnist prior counts adversarial] [--epochs 5] [--batch-sizes 32 256]

Every contender trains the same network on the same data with Adam, at its defaults and at its best settings. The figure is
the median of several epochs after a warm-up epoch; the ratio is what counts. Each contender runs in a process of its own,
since tf_keras and Keras 3 want different settings, and only one at a time.
"""

import argparse
import json

import adversarial_model
import counts_model
import mixture_model
import mnist_model
import numpy as np
import prior_model
from contest import matmul_peak, measured_alone

CONTESTS = {
    "mixture": {**mixture_model.CONTENDERS, "tiny": mixture_model.run_tfvae_validated},
    "mnist": {**mnist_model.CONTENDERS, "peak": matmul_peak},
    "prior": prior_model.CONTENDERS,
    "counts": counts_model.CONTENDERS,
    "adversarial": {
        **adversarial_model.CONTENDERS,
        "peak": adversarial_model.convolution_peak,
        "first step": adversarial_model.first_step,
        "flops": lambda *_: adversarial_model.flops(),
    },
}


def _alone(contest, name, batch_size, epochs):
    return measured_alone("fit_speed.py", contest=contest, only=name, batch_sizes=batch_size, epochs=epochs)


def compare(contest, contenders, batch_size, epochs, flops=None, peak=None, of="tfvae"):
    """Prints each contender's seconds an epoch, beside the first one's."""
    ours = None
    for name in contenders:
        seconds, error = _alone(contest, name, batch_size, epochs)
        if seconds is None:
            print(f"  {name:<45} not measured: {error}", flush=True)
            continue
        median = float(np.median(seconds))
        ours = ours or median
        share = f"   {flops / median / peak:4.0%} of the peak" if peak else ""
        print(f"  {name:<45} {median:8.3f} s   {median / ours:6.2f} x {of}{share}", flush=True)


def mixture(batch_sizes, epochs):
    for batch_size in batch_sizes or [32, 256]:
        points = f"{mixture_model.NUM_POINTS:,} points, median of {epochs} after one"
        print(f"\nmixture model, batch {batch_size}: seconds per epoch of {points}")
        compare("mixture", mixture_model.CONTENDERS, batch_size, epochs)
    tiny, error = _alone("mixture", "tiny", 32, 1)
    if tiny is None:
        print(f"\n300 points: not measured: {error}")
        return
    print(
        f"\n300 points, batch 32, 500 epochs with validation data: {1e3 * tiny['epoch']:.1f} ms an epoch, of which "
        f"{1e3 * tiny['arithmetic']:.1f} ms are arithmetic: {1e3 * (tiny['epoch'] - tiny['arithmetic']):.1f} ms above it"
    )


def mnist(batch_sizes, epochs):
    peak, _ = _alone("mnist", "peak", 1, 1)
    for batch_size in batch_sizes or [100]:
        images = f"{mnist_model.NUM_IMAGES:,} images, median of {epochs} after one"
        print(f"\nMNIST model, batch {batch_size}: seconds per epoch of {images}")
        work = f"{mnist_model.FLOPS / 1e9:.0f} GFLOP of matrix products an epoch"
        print(f"  ({work}; this machine's peak: {peak / 1e9:.0f} a second)")
        compare("mnist", mnist_model.CONTENDERS, batch_size, epochs, mnist_model.FLOPS, peak)


def prior(batch_sizes, epochs):
    for batch_size in batch_sizes or [200]:
        images = f"{prior_model.NUM_IMAGES:,} images, median of {epochs} after one"
        print(f"\nmixture prior, 784-400-10, batch {batch_size}: seconds per epoch of {images}")
        compare("prior", prior_model.CONTENDERS, batch_size, epochs, of="N(0, I)")


def counts(batch_sizes, epochs):
    for batch_size in batch_sizes or [200]:
        images = f"{counts_model.NUM_IMAGES:,} images, median of {epochs} after one"
        print(f"\ncounts as codes, 784-512-784, batch {batch_size}: seconds per epoch of {images}")
        compare("counts", counts_model.CONTENDERS, batch_size, epochs, of="Gaussian")


def adversarial(_, epochs):
    (peak, _), (flops, _), (first, _) = (_alone("adversarial", name, 1, 1) for name in ("peak", "flops", "first step"))
    images = f"{adversarial_model.NUM_IMAGES:,} images, median of {epochs} after one"
    print(f"\nGAMIX-VAE at 32 x 32, width 32, batch {adversarial_model.BATCH}: seconds per epoch of {images}")
    print(f"  ({flops / 1e9:.0f} GFLOP an epoch; a large convolution: {peak / 1e9:.0f} GFLOP a second; "
          f"tfvae's first step with its graph: {first:.0f} s)")  # fmt: skip
    compare("adversarial", adversarial_model.CONTENDERS, adversarial_model.BATCH, epochs, flops, peak)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contest", nargs="+", choices=list(CONTESTS), default=list(CONTESTS))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument(
        "--batch-sizes", type=int, nargs="+", help="32 and 256 for the mixture, 100 for MNIST, 200 for the prior"
    )
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        run = CONTESTS[arguments.contest[0]][arguments.only]
        print(json.dumps(run(arguments.batch_sizes[0], arguments.epochs)))
        return
    for contest in arguments.contest:
        {"mixture": mixture, "mnist": mnist, "prior": prior, "counts": counts, "adversarial": adversarial}[contest](
            arguments.batch_sizes, arguments.epochs
        )


if __name__ == "__main__":
    main()
