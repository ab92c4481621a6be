"""One linear map each way, 784-512-784, batch 200: what counts as codes cost beside Gaussian ones, at the schedule's end."""

import numpy as np
from contest import keras_epochs

NUM_IMAGES, LATENT = 20_000, 512


def run(batch_size, epochs, indicator=None):
    """Seconds of each epoch."""
    import tfvae

    x = np.random.default_rng(0).random((NUM_IMAGES, 784)).astype("float32")
    if indicator is None:
        likelihood = tfvae.layers.IndependentNormal(784, "mean", scale=0.5**0.5)
        vae = tfvae.make_dense_vae(784, LATENT, (), likelihood=likelihood)
    else:
        # A temperature of 0.05 and rates of 0.1 to 7 from the first step on, as at the end of a training.
        vae = tfvae.make_poisson_vae(784, LATENT, num_steps=1, indicator=indicator)
        vae.prior.log_rate.assign(np.linspace(-2.0, 2.0, LATENT))
    return keras_epochs(
        lambda n, clock: vae.fit(x, batch_size=batch_size, epochs=n, callbacks=[clock], verbose=0), epochs
    )


CONTENDERS = {
    "Gaussian": run,
    "Poisson, cubic": lambda b, n: run(b, n, "cubic"),
    "Poisson, sigmoid": lambda b, n: run(b, n, "sigmoid"),
}
