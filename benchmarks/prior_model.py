"""Document 004's model (784-400-10, batch 200): what a prior of 1000 Gaussians costs beside N(0, I)."""

import numpy as np
from contest import keras_epochs

NUM_IMAGES = 60_000


def run(batch_size, epochs, components=None, monte_carlo=False, latent_dim=10):
    """Seconds of each epoch."""
    import tfvae
    from tfvae.divergences import MonteCarloKL

    x = np.random.default_rng(0).random((NUM_IMAGES, 784)).astype("float32")
    if components is None:
        likelihood = tfvae.layers.IndependentBernoulli(784, "mean")
        vae = tfvae.make_dense_vae(784, latent_dim, (400,), likelihood=likelihood, activations="relu")
    else:
        kl = MonteCarloKL() if monte_carlo else None
        vae = tfvae.make_mixture_prior_vae(784, latent_dim, components, kl=kl, seed=0)
    return keras_epochs(
        lambda n, clock: vae.fit(x, batch_size=batch_size, epochs=n, callbacks=[clock], verbose=0), epochs
    )


CONTENDERS = {
    "N(0, I)": run,
    "1000 components, D_var": lambda b, n: run(b, n, 1000),
    "1000 components, Monte Carlo": lambda b, n: run(b, n, 1000, monte_carlo=True),
}
