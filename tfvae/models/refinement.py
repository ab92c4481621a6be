"""Inference that goes on where the encoder stops."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.host.arguments import as_count
from tfvae.host.pieces import rows_at_once
from tfvae.host.tensors import DistributionTensor
from tfvae.models.decoding import Pass, as_input

_LATE = 2**40


def refine(vae: Any, x: Any, steps: int = 100, learning_rate: float = 0.05) -> DistributionTensor:
    """q(z|x) after gradient steps on each example's own parameters, from the encoder's start; the model stays as it is.

    What the loss gains by it is the amortization gap: what one function of x loses against inference for each x. The
    gradients are those of the model's objective at the end of its schedules, from draws where it takes draws; with
    `LinearELBO` they have no noise.

    Args:
        vae: a trained `VAE` whose encoder ends in its posterior layer.
        x: `(N, *E)`, or one batch of it.
        steps: int, of Adam.
        learning_rate: float, which falls to a hundredth in a cosine.

    Returns:
        q(z|x), of batch shape `(N,)`, with a draw as its value.

    Raises:
        ValueError: where the encoder does not end in its posterior layer, draws carry no gradient, or the objective is no
            bound of each example's log p(x).

    Source: Cremer, Li and Duvenaud, "Inference suboptimality in variational autoencoders" (2018); Marino, Yue and Mandt,
    "Iterative amortized inference" (2018).
    """
    layer, steps = vae.posterior_layer, as_count(steps, "steps")
    if not vae.encoder.layers or vae.encoder.layers[-1] is not layer:
        raise ValueError("`refine` needs an encoder whose last layer is its posterior, such as those of the factories.")
    if not vae.objective.is_bound:
        raise ValueError(f"`refine` is for bounds of log p(x), which {type(vae.objective).__name__} is not.")
    head = keras.Model(vae.encoder.inputs, layer.input)
    x = as_input(x)
    vae.check_data(x)
    if not layer.carries_gradient(vae.encode(x[:1]).distribution):
        raise ValueError(f"`refine` needs draws with a gradient, which those of {type(layer).__name__} are not.")
    rows = rows_at_once(vae.encoder)
    found = [_refined(vae, head, layer, x[k : k + rows], steps, learning_rate) for k in range(0, len(x), rows)]
    return vae.prior.posterior(layer(np.concatenate(found)))


def _refined(vae, head, layer, x, steps, learning_rate):
    params = tf.Variable(head(x, training=False))
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps, 0.01)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build([params])
    last = tf.constant(_LATE, tf.int64)  # of the schedules

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            one = Pass(vae.prior.posterior(layer(params)), lambda z: vae.decode(z))
            loss = tf.reduce_sum(vae.objective.terms(vae.draw(one, x, x, last, training=True)).loss)
        optimizer.apply([tape.gradient(loss, params)], [params])

    for _ in range(steps):
        step()
    return params.numpy()
