"""A mixture model as each contender writes it: encoder 2-32-32-4, decoder 2-32-32-80, 16 components, a KL."""

import math
import os
import time

from contest import keras_epochs, tf_keras_clock, torch_epochs

HIDDEN, LATENT, COMPONENTS, NUM_POINTS = 32, 2, 16, 100_000


def data():
    from tfvae.data import four_gaussians

    return four_gaussians().sample(NUM_POINTS, seed=0)


def run_tfvae(batch_size, epochs):
    import tfvae

    x = data()
    vae = tfvae.make_mixture_decoder_vae(2, COMPONENTS)
    return keras_epochs(
        lambda n, clock: vae.fit(x, epochs=n, batch_size=batch_size, verbose=0, callbacks=[clock]), epochs
    )


def run_tfvae_validated(batch_size, epochs):
    """300 points, 500 epochs with validation data: the whole fit's seconds per epoch above those of its arithmetic."""
    import tfvae
    from tfvae.training.batches import Batches
    from tfvae.training.choices import steps_in_one_execution

    x = data()[:400]
    vae = tfvae.make_mixture_decoder_vae(2, COMPONENTS)
    arguments = {"batch_size": batch_size, "verbose": 0, "validation_data": x[300:]}
    vae.fit(x[:300], epochs=500, **arguments)
    start = time.perf_counter()
    vae.fit(x[:300], epochs=500, **arguments)
    whole = (time.perf_counter() - start) / 500
    arithmetic = 0.0
    traced, steps = vae._compilation.traced, steps_in_one_execution(vae, "auto", (x[:300],), batch_size)
    functions = {key[0]: function for key, function in traced.items() if key != "reset"}
    for kind, rows in (("train", x[:300]), ("test", x[300:])):
        batches = Batches((rows,), batch_size, steps)
        super_batch = next(iter(batches.dataset(0)))
        functions[kind].run(*super_batch)
        start = time.perf_counter()
        for _ in range(500):
            functions[kind].run(*super_batch)["loss"].numpy()
        arithmetic += (time.perf_counter() - start) / 500
    return {"epoch": whole, "arithmetic": arithmetic}


def run_keras3(batch_size, epochs, **options):
    """The same functional model with Keras 3's own `fit`, and our layers."""
    import keras

    from tfvae import layers, priors

    x = data()
    regularizer = layers.KLDivergenceRegularizer(priors.StandardNormal(LATENT))
    encoder = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(HIDDEN),
            keras.layers.Dense(HIDDEN, "tanh"),
            keras.layers.Dense(2 * LATENT),
            layers.IndependentNormal(LATENT, activity_regularizer=regularizer),
        ]
    )
    size = layers.MixtureNormal.params_size(COMPONENTS, 2)
    decoder = keras.Sequential(
        [
            keras.Input((LATENT,)),
            keras.layers.Dense(HIDDEN),
            keras.layers.Dense(HIDDEN, "tanh"),
            keras.layers.Dense(size),
            layers.MixtureNormal(COMPONENTS, 2, "mean"),
        ]
    )
    net = keras.Model(encoder.inputs, decoder(encoder.outputs[0]))
    net.compile(keras.optimizers.Adam(1e-3), loss=lambda y, rv: -rv.log_prob(y), **options)
    return keras_epochs(
        lambda n, clock: net.fit(x, x, epochs=n, batch_size=batch_size, verbose=0, callbacks=[clock]), epochs
    )


def run_tf_keras(batch_size, epochs, **options):
    """Document 000's own code: tf_keras and tfp.layers."""
    import tensorflow as tf
    import tensorflow_probability as tfp
    import tf_keras as tfk

    tfpl, tfd, x = tfp.layers, tfp.distributions, tf.constant(data())
    prior = tfd.Independent(tfd.Normal(tf.zeros(LATENT), 1.0), 1)
    encoder = tfk.Sequential(
        [
            tfk.layers.InputLayer(2),
            tfk.layers.Dense(HIDDEN),
            tfk.layers.Dense(HIDDEN, "tanh"),
            tfk.layers.Dense(2 * LATENT),
            tfpl.IndependentNormal(LATENT, activity_regularizer=tfpl.KLDivergenceRegularizer(prior)),
        ]
    )
    decoder = tfk.Sequential(
        [
            tfk.layers.InputLayer([LATENT]),
            tfk.layers.Dense(HIDDEN),
            tfk.layers.Dense(HIDDEN, "tanh"),
            tfk.layers.Dense(tfpl.MixtureNormal.params_size(COMPONENTS, (2,))),
            tfpl.MixtureNormal(COMPONENTS, (2,)),
        ]
    )
    net = tfk.Model(encoder.inputs, decoder(encoder.outputs[0]))
    net.compile(tfk.optimizers.Adam(1e-3), loss=lambda y, rv: -rv.log_prob(y), **options)
    clock = tf_keras_clock()
    net.fit(x, x, epochs=epochs + 1, batch_size=batch_size, verbose=0, callbacks=[clock])
    return clock.seconds[1:]


def run_loop(batch_size, epochs, generator="auto_select"):
    """The limit: the epoch written by hand as one XLA loop over raw tensors, Adam included."""
    import tensorflow as tf

    x = tf.constant(data())
    steps = NUM_POINTS // batch_size
    sizes = [(2, 32), (32, 32), (32, 4), (2, 32), (32, 32), (32, 80)]
    shapes = [s for a, b in sizes for s in ((a, b), (b,))]
    initial = [tf.random.normal(s) / math.sqrt(s[0]) if len(s) == 2 else tf.zeros(s) for s in shapes]
    parameters = [tf.Variable(v) for v in initial]
    first, second = ([tf.Variable(tf.zeros(s)) for s in shapes] for _ in range(2))
    count = tf.Variable(0.0)

    def network(h, weights):
        h = h @ weights[0] + weights[1]
        return tf.tanh(h @ weights[2] + weights[3]) @ weights[4] + weights[5]

    def loss_of(batch, w, seed):
        loc, rho = tf.split(network(batch, w[:6]), 2, axis=-1)
        scale = tf.math.softplus(rho)
        noise = tf.random.stateless_normal(tf.shape(loc), seed, alg=generator)
        z = loc + scale * noise
        kl = tf.reduce_sum(0.5 * tf.square(z) - 0.5 * tf.square(noise) - tf.math.log(scale), axis=-1)
        out = network(z, w[6:])
        logits, rest = out[:, :COMPONENTS], tf.reshape(out[:, COMPONENTS:], [-1, COMPONENTS, 4])
        locs, scales = rest[..., :2], tf.math.softplus(rest[..., 2:])
        log_prob = tf.reduce_sum(-0.5 * tf.square((batch[:, None] - locs) / scales) - tf.math.log(scales), axis=-1)
        log_prob += tf.nn.log_softmax(logits) - math.log(2 * math.pi)
        return tf.reduce_mean(kl - tf.reduce_logsumexp(log_prob, axis=-1))

    @tf.function(jit_compile=True, autograph=False)
    def epoch(rows, seed):
        def body(i, total, c, ps, ms, vs):
            batch = tf.slice(rows, [i * batch_size, 0], [batch_size, 2])
            with tf.GradientTape() as tape:
                tape.watch(ps)
                loss = loss_of(batch, ps, tf.stack([seed, i]))
            gradients = tape.gradient(loss, ps)
            c += 1
            rate = 1e-3 * tf.sqrt(1 - tf.pow(0.999, c)) / (1 - tf.pow(0.9, c))
            ms = [0.9 * m + 0.1 * g for m, g in zip(ms, gradients, strict=True)]
            vs = [0.999 * v + 0.001 * g * g for v, g in zip(vs, gradients, strict=True)]
            ps = [p - rate * m / (tf.sqrt(v) + 1e-7) for p, m, v in zip(ps, ms, vs, strict=True)]
            return i + 1, total + loss, c, ps, ms, vs

        state = [tf.constant(0), tf.constant(0.0), count, parameters, first, second]
        state = [tf.nest.map_structure(tf.convert_to_tensor, s) for s in state]
        _, total, c, ps, ms, vs = tf.while_loop(lambda i, *_: i < steps, body, state)
        for variables, values in ((parameters, ps), (first, ms), (second, vs)):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        count.assign(c)
        return total / steps

    seconds = []
    for k in range(epochs + 1):
        start = time.perf_counter()
        order = tf.random.experimental.stateless_shuffle(tf.range(NUM_POINTS), seed=[0, k])
        epoch(tf.gather(x, order), tf.constant(k)).numpy()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def run_torch(batch_size, epochs, compiled=False):
    """The same model in PyTorch, eager or compiled, with a tensor of shuffled rows in place of its slower DataLoader."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count())
    x = torch.from_numpy(data())

    def net(out):
        return nn.Sequential(nn.Linear(2, HIDDEN), nn.Linear(HIDDEN, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, out))

    encoder, decoder = net(2 * LATENT), net(COMPONENTS * 5)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    distributions = torch.distributions
    distributions.Distribution.set_default_validate_args(False)

    def loss_of(batch):
        loc, rho = encoder(batch).chunk(2, dim=-1)
        q = distributions.Normal(loc, nn.functional.softplus(rho))
        z = q.rsample()
        kl = (q.log_prob(z) - distributions.Normal(torch.zeros(()), torch.ones(())).log_prob(z)).sum(-1)
        out = decoder(z)
        rest = out[:, COMPONENTS:].view(-1, COMPONENTS, 4)
        components = distributions.Normal(rest[..., :2], nn.functional.softplus(rest[..., 2:]))
        log_prob = components.log_prob(batch[:, None]).sum(-1) + torch.log_softmax(out[:, :COMPONENTS], -1)
        return (kl - torch.logsumexp(log_prob, -1)).mean()

    step_loss = torch.compile(loss_of) if compiled else loss_of
    return torch_epochs(x, optimizer, step_loss, batch_size, epochs)


CONTENDERS = {
    "tfvae": run_tfvae,
    "hand-written XLA loop, default generator": run_loop,
    "hand-written XLA loop, Philox": lambda b, e: run_loop(b, e, generator="philox"),
    "Keras 3 fit, defaults": run_keras3,
    "Keras 3 fit, best (50 steps, XLA)": lambda b, e: run_keras3(b, e, steps_per_execution=50, jit_compile=True),
    "tf_keras + tfp.layers, defaults": run_tf_keras,
    "tf_keras + tfp.layers, best (50 steps)": lambda b, e: run_tf_keras(b, e, steps_per_execution=50),
    "tf_keras + tfp.layers, best (50 steps, XLA)": lambda b, e: run_tf_keras(
        b, e, steps_per_execution=50, jit_compile=True
    ),
    "PyTorch eager": run_torch,
    "PyTorch torch.compile": lambda b, e: run_torch(b, e, compiled=True),
}
