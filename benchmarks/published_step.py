"""GAMIX-VAE as published, 256 × 256, width 128, 512 latents, batch 10: what one step of it takes."""

import argparse
import resource
import time

import numpy as np
from adversarial_model import flops_of_an_image, parts

SHAPE, BATCH = (256, 256, 3), 10


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1, help="timed ones, after one that builds the graph")
    steps = parser.parse_args().steps
    import tfvae

    vae = tfvae.make_gamix_vae(SHAPE)
    work = BATCH * flops_of_an_image(parts(vae))
    x = np.random.default_rng(0).random((BATCH, *SHAPE), "float32")
    seconds = []
    for epochs in (1, steps):
        start = time.perf_counter()
        vae.fit(x, batch_size=BATCH, epochs=epochs, verbose=0)
        seconds.append(time.perf_counter() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{work / 1e12:.2f} TFLOP a step of {BATCH} images; {memory:.1f} GiB at most; first step with its graph "
          f"{seconds[0]:.0f} s, then {seconds[1] / steps:.1f} s a step")  # fmt: skip


if __name__ == "__main__":
    main()
