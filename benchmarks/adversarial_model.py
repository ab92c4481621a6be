"""GAMIX-VAE's adversarial step at 32 × 32, residual networks against a PatchGAN, as each contender writes it."""

import time

import numpy as np
from contest import keras_epochs

SHAPE, LATENT, WIDTH, BATCH, NUM_IMAGES = (32, 32, 3), 128, 32, 32, 640
_RECONSTRUCTION, _ADVERSARIAL, _INDIVIDUAL = 5000.0, 100.0, 0.2


def data():
    return np.random.default_rng(0).random((NUM_IMAGES, *SHAPE), "float32")


def networks():
    """(encoder to mean and log variance, decoder, discriminator) of plain Keras layers, at tfvae's sizes."""
    import tfvae

    return parts(tfvae.make_gamix_vae(SHAPE, LATENT, WIDTH))


def parts(vae):
    """(encoder to mean and log variance, decoder, discriminator) of a GAMIX-VAE, without its distributions."""
    import keras

    encoder = keras.Model(vae.encoder.input, vae.encoder.get_layer("params").output)
    decoder = keras.Model(vae.decoder.input, vae.decoder.layers[-2].output)
    return encoder, decoder, vae.discriminator


def flops():
    """Of the convolutions and matrix products in an epoch."""
    return NUM_IMAGES * flops_of_an_image(networks())


def flops_of_an_image(three):
    """Of one image's step: forward once, and backward to inputs and kernels."""
    encoder, decoder, discriminator = (_flops_of(network) for network in three)
    # The discriminator sees images and reconstructions; the model's gradient passes through it once more.
    return 3 * (encoder + decoder) + 2 * 2 * discriminator + 2 * discriminator


def _flops_of(network):
    from tfvae.host.keras_door import positions, sublayers

    kernels = [layer for layer in sublayers(network) if hasattr(layer, "kernel")]
    return sum(2 * int(np.prod(layer.kernel.shape)) * positions(layer) for layer in kernels)


def convolution_peak(*_):
    """Floating-point operations a second of a large float32 convolution: the best of ten."""
    import tensorflow as tf

    x, kernel = tf.random.normal([16, 64, 64, 64]), tf.random.normal([3, 3, 64, 64])
    best = 0.0
    for _ in range(11):
        start = time.perf_counter()
        tf.nn.conv2d(x, kernel, 1, "SAME").numpy()
        best = max(best, 2 * 16 * 64 * 64 * 9 * 64 * 64 / (time.perf_counter() - start))
    return best


def run_tfvae(batch_size, epochs):
    import tfvae

    x, vae = data(), tfvae.make_gamix_vae(SHAPE, LATENT, WIDTH)
    return keras_epochs(lambda n, clock: vae.fit(x, epochs=n, batch_size=BATCH, verbose=0, callbacks=[clock]), epochs)


def first_step(*_):
    """Seconds from `fit` to the end of its first step, building the graph included."""
    import tfvae

    x, vae = data()[:BATCH], tfvae.make_gamix_vae(SHAPE, LATENT, WIDTH)
    start = time.perf_counter()
    vae.fit(x, batch_size=BATCH, verbose=0)
    return time.perf_counter() - start


def _losses(encoder, decoder, discriminator, x):
    """(the model's loss, the discriminator's) as a reader of the published code would write them in TensorFlow."""
    import tensorflow as tf

    mean, log_variance = tf.split(encoder(x), 2, axis=1)
    z = mean + tf.exp(0.5 * log_variance) * tf.random.normal(tf.shape(mean))
    decoded = tf.reshape(decoder(z), tf.shape(x))
    m, v = tf.reduce_mean(mean, axis=0), tf.math.reduce_variance(mean, axis=0) + 1e-6
    population = 0.5 * tf.reduce_sum(m**2 + v - 1 - tf.math.log(v))
    each = 0.5 * tf.reduce_mean(tf.reduce_sum(tf.exp(log_variance) - 1 - log_variance, axis=1))
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits
    real, fake = discriminator(x), discriminator(decoded)
    model = _RECONSTRUCTION * 2 * tf.reduce_mean(tf.abs(decoded - x)) + population + _INDIVIDUAL * each
    model += _ADVERSARIAL * tf.reduce_mean(cross_entropy(tf.ones_like(fake), fake))
    theirs = tf.reduce_mean(cross_entropy(tf.ones_like(real), real))
    return model, theirs + tf.reduce_mean(cross_entropy(tf.zeros_like(fake), fake))


def run_hand_written(batch_size, epochs):
    """A `tf.function` of one step over tf.data, the same layers."""
    import keras
    import tensorflow as tf

    encoder, decoder, discriminator = networks()
    ours = encoder.trainable_variables + decoder.trainable_variables
    theirs = discriminator.trainable_variables
    optimizers = [keras.optimizers.Adam(1e-4, beta_1=0.5) for _ in range(2)]
    for optimizer, variables in zip(optimizers, (ours, theirs), strict=True):
        optimizer.build(variables)

    @tf.function
    def step(x):
        with tf.GradientTape(persistent=True) as tape:
            model, judge = _losses(encoder, decoder, discriminator, x)
        optimizers[0].apply(tape.gradient(model, ours), ours)
        optimizers[1].apply(tape.gradient(judge, theirs), theirs)
        return model

    batches = tf.data.Dataset.from_tensor_slices(data()).shuffle(NUM_IMAGES).batch(BATCH).prefetch(1)
    seconds = []
    for _ in range(epochs + 1):
        start = time.perf_counter()
        for batch in batches:
            step(batch)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def run_keras3(batch_size, epochs):
    """A `keras.Model` with a hand-written `train_step`, Keras 3's own `fit`."""
    import keras
    import tensorflow as tf

    class Gamix(keras.Model):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder, self.discriminator = networks()
            self.judge = keras.optimizers.Adam(1e-4, beta_1=0.5)
            self.mean_loss = keras.metrics.Mean(name="mean_loss")

        def train_step(self, x):
            with tf.GradientTape(persistent=True) as tape:
                model, judge = _losses(self.encoder, self.decoder, self.discriminator, x)
            ours = self.encoder.trainable_variables + self.decoder.trainable_variables
            theirs = self.discriminator.trainable_variables
            self.optimizer.apply(tape.gradient(model, ours), ours)
            self.judge.apply(tape.gradient(judge, theirs), theirs)
            self.mean_loss.update_state(model)
            return {"mean_loss": self.mean_loss.result()}

    x, vae = data(), Gamix()
    vae.compile(keras.optimizers.Adam(1e-4, beta_1=0.5))
    vae.optimizer.build(vae.encoder.trainable_variables + vae.decoder.trainable_variables)
    vae.judge.build(vae.discriminator.trainable_variables)
    vae.built = True
    return keras_epochs(lambda n, clock: vae.fit(x, epochs=n, batch_size=BATCH, verbose=0, callbacks=[clock]), epochs)


def run_torch(batch_size, epochs, compiled=False):
    """The same layers in PyTorch."""
    import torch
    from torch import nn
    from torch.nn import functional as F  # noqa: N812

    class Affine(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.scale, self.shift = nn.Parameter(torch.ones(channels, 1, 1)), nn.Parameter(torch.zeros(channels, 1, 1))

        def forward(self, x):
            return x * self.scale + self.shift

    def convolved(into, out, size, stride=1, transposed=False):
        kind = nn.ConvTranspose2d if transposed else nn.Conv2d
        more = {"output_padding": 1} if transposed else {}
        return nn.Sequential(Affine(into), nn.ReLU(), kind(into, out, size, stride, size // 2, **more))

    def tri(into, out, stride):
        return nn.Sequential(convolved(into, out, 3), convolved(out, out, 3), convolved(out, out, 1, stride))

    class Sum(nn.Module):
        def __init__(self, *branches):
            super().__init__()
            self.branches = nn.ModuleList(branches)

        def forward(self, x):
            return sum(branch(x) for branch in self.branches)

    def res_id(c):
        return Sum(tri(c, c, 1), nn.Identity())

    def res_down(c):
        return Sum(tri(c, c, 2), convolved(c, c, 1, 2))

    def res_up(c, out):
        wide = nn.Sequential(convolved(c, out, 1), convolved(out, out, 3, 2, True))
        return Sum(wide, convolved(c, out, 3, 2, True))

    w, bottleneck, levels = WIDTH, LATENT // 8, 3
    encoder = nn.Sequential(
        nn.InstanceNorm2d(3), nn.Conv2d(3, w, 3, padding=1),
        *(block for _ in range(levels) for block in (res_id(w), res_id(w), res_down(w))),
        nn.Conv2d(w, bottleneck, 1), nn.Flatten(), nn.Linear(16 * bottleneck, 2 * LATENT),
    )  # fmt: skip
    ups = [block for k in range(levels) for block in (res_id(w), res_up(w, 3 if k == levels - 1 else w))]
    decoder = nn.Sequential(nn.Linear(LATENT, 16 * bottleneck), nn.Unflatten(1, (bottleneck, 4, 4)),
                            nn.Conv2d(bottleneck, w, 3, padding=1), *ups, nn.Conv2d(3, 3, 1))  # fmt: skip
    judged, into = [], 3
    for out, stride in ((w, 2), (w, 2), (w, 2), (w // 2, 1), (w // 2, 1), (1, 1)):
        judged += [nn.Conv2d(into, out, 3, stride, 1), Affine(out), nn.LeakyReLU(0.3) if out > 1 else nn.Identity()]
        into = out
    discriminator = nn.Sequential(*judged)
    model = nn.ModuleList([encoder, decoder])
    ours = torch.optim.Adam(model.parameters(), 1e-4, betas=(0.5, 0.999))
    theirs = torch.optim.Adam(discriminator.parameters(), 1e-4, betas=(0.5, 0.999))

    def losses(x):
        mean, log_variance = encoder(x).chunk(2, 1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        decoded = 0.5 * decoder(z) + 0.5
        m, v = mean.mean(0), mean.var(0, unbiased=False) + 1e-6
        loss = _RECONSTRUCTION * 2 * (decoded - x).abs().mean() + 0.5 * (m**2 + v - 1 - v.log()).sum()
        loss = loss + _INDIVIDUAL * 0.5 * (log_variance.exp() - 1 - log_variance).sum(1).mean()
        fake = discriminator(2 * decoded - 1)
        loss = loss + _ADVERSARIAL * F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))
        real, caught = discriminator(2 * x - 1), discriminator(2 * decoded.detach() - 1)
        judge = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
        return loss, judge + F.binary_cross_entropy_with_logits(caught, torch.zeros_like(caught))

    if compiled:
        encoder, decoder, discriminator = map(torch.compile, (encoder, decoder, discriminator))
    x = torch.from_numpy(data().transpose(0, 3, 1, 2).copy()).contiguous(memory_format=torch.channels_last)
    seconds = []
    for _ in range(epochs + 1):
        start = time.perf_counter()
        for rows in torch.randperm(len(x)).split(BATCH):
            loss, judge = losses(x[rows])
            ours.zero_grad()
            loss.backward()
            theirs.zero_grad()  # of what the model's loss has left there
            judge.backward()
            ours.step()
            theirs.step()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


CONTENDERS = {
    "tfvae": run_tfvae,
    "hand-written tf.function": run_hand_written,
    "Keras 3 fit, hand-written train_step": run_keras3,
    "PyTorch eager": run_torch,
    "PyTorch, torch.compile": lambda *a: run_torch(*a, compiled=True),
}
