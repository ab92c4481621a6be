"""Document 002's MNIST model, 784-256-2-256-784 with dropout 0.2, cross-entropy and Adam, as each contender writes it."""

import os

import numpy as np
from contest import keras_epochs, tf_keras_clock, torch_epochs

PIXELS, HIDDEN, LATENT, NUM_IMAGES = 784, 256, 2, 60_000
WEIGHTS = PIXELS * HIDDEN + 2 * HIDDEN * LATENT + LATENT * HIDDEN + HIDDEN * PIXELS
FLOPS = 6 * WEIGHTS * NUM_IMAGES  # of the matrix products in an epoch: a multiplication and an addition, three times


def data():
    """MNIST where TFVAE_DATA has it, else random pixels, which take as long."""
    path = os.path.join(os.environ.get("TFVAE_DATA", ""), "mnist.npz")
    if os.path.isfile(path):
        with np.load(path) as arrays:
            return (arrays["x_train"].reshape(NUM_IMAGES, PIXELS) / 255).astype("float32")
    return np.random.default_rng(0).random((NUM_IMAGES, PIXELS), "float32")


def run_tfvae(batch_size, epochs, **options):
    import tfvae

    x, vae = data(), tfvae.make_vae(PIXELS)[0]
    if options:
        vae.compile("adam", loss=None, **options)
    return keras_epochs(
        lambda n, clock: vae.fit(x, epochs=n, batch_size=batch_size, verbose=0, callbacks=[clock]), epochs
    )


def run_keras3(batch_size, epochs, **options):
    """The same layers in a `keras.Model` with Keras 3's own `fit`."""
    import keras

    import tfvae

    x, ours = data(), tfvae.make_vae(PIXELS)[0]
    vae = keras.Model(ours.input, ours.output)
    vae.compile("adam", loss=None, **options)
    return keras_epochs(
        lambda n, clock: vae.fit(x, epochs=n, batch_size=batch_size, verbose=0, callbacks=[clock]), epochs
    )


def run_tf_keras(batch_size, epochs, **options):
    """The document's own code on Keras 2."""
    import tf_keras as tfk

    backend, layers = tfk.backend, tfk.layers

    class VariationalLayer(layers.Layer):
        def call(self, inputs):
            x, x_decoded_mean, z_mean, z_log_var = inputs
            nll = backend.sum(backend.binary_crossentropy(x, x_decoded_mean), axis=-1)
            kl = -0.5 * backend.sum(1 + z_log_var - backend.square(z_mean) - backend.exp(z_log_var), axis=-1)
            self.add_loss(backend.mean(nll + kl))
            return x_decoded_mean

    def sample(arguments):
        mean, log_var = arguments
        return mean + backend.exp(log_var / 2) * backend.random_normal(shape=backend.shape(mean))

    x_in = layers.Input((PIXELS,))
    h = layers.Dropout(0.2)(layers.Dense(HIDDEN, "relu")(x_in))
    mean, log_var = layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)
    h = layers.Dropout(0.2)(layers.Dense(HIDDEN, "relu")(layers.Lambda(sample)([mean, log_var])))
    decoded = layers.Dense(PIXELS, "sigmoid")(h)
    vae = tfk.Model(x_in, VariationalLayer()([x_in, decoded, mean, log_var]))
    vae.compile("adam", loss=None, **options)
    clock = tf_keras_clock()
    vae.fit(data(), epochs=epochs + 1, batch_size=batch_size, verbose=0, callbacks=[clock])
    return clock.seconds[1:]


def run_torch(batch_size, epochs, compiled=False):
    """PyTorch, with a tensor of shuffled rows in place of its slower DataLoader."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count())
    x = torch.from_numpy(data())
    encoder = nn.Sequential(nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Dropout(0.2), nn.Linear(HIDDEN, 2 * LATENT))
    decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Dropout(0.2), nn.Linear(HIDDEN, PIXELS))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)

    def loss_of(batch):
        mean, log_var = encoder(batch).chunk(2, dim=-1)
        logits = decoder(mean + torch.exp(log_var / 2) * torch.randn_like(mean))
        nll = functional.binary_cross_entropy_with_logits(logits, batch, reduction="none").sum(-1)
        kl = -0.5 * (1 + log_var - mean**2 - log_var.exp()).sum(-1)
        return (nll + kl).mean()

    step_loss = torch.compile(loss_of) if compiled else loss_of
    return torch_epochs(x, optimizer, step_loss, batch_size, epochs)


CONTENDERS = {
    "tfvae": run_tfvae,
    "Keras 3 fit, defaults": run_keras3,
    "Keras 3 fit, best (50 steps)": lambda b, e: run_keras3(b, e, steps_per_execution=50),
    "Keras 3 fit, best (50 steps, XLA)": lambda b, e: run_keras3(b, e, steps_per_execution=50, jit_compile=True),
    "tf_keras, defaults": run_tf_keras,
    "tf_keras, best (50 steps)": lambda b, e: run_tf_keras(b, e, steps_per_execution=50),
    "PyTorch eager": run_torch,
    "PyTorch torch.compile": lambda b, e: run_torch(b, e, compiled=True),
}
