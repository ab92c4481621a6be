"""A VAE whose loss is a layer."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.layers.distribution_layer import DistributionLambda
from tfvae.layers.variational import NormalSampling, VariationalLayer
from tfvae.models.vae import VAE
from tfvae.training.fast_fit import FastFitModel

tfd = tfp.distributions


def make_vae(
    dim_original: Any,
    n_layers: int = 1,
    dim_latent: int = 2,
    dim_intermediate: int = 256,
    cls_vae: Any = VariationalLayer,
    activation: Any = "relu",
    decoder_activation: Any = "sigmoid",
    optimizer: Any = "adam",
    dropout: Any = 0.2,
) -> tuple[Any, Any, Any]:
    """A fully connected VAE whose loss is a `VariationalLayer`, compiled and untrained, with the arguments of its source.

    Args:
        dim_original: int, length of one x.
        n_layers: int, hidden layers of the encoder, and as many of the decoder.
        dim_latent: int D, length of one z.
        dim_intermediate: int, width of the hidden layers.
        cls_vae: subclass of `VariationalLayer`, or an instance of one, that adds the loss.
        activation: of the hidden layers.
        decoder_activation: of the decoder's last layer.
        optimizer: a Keras optimizer or its name.
        dropout: float, rate after each hidden layer; None for no dropout layers.

    Returns:
        (vae, encoder, decoder): `vae.fit(x)` trains all three, since they share their weights; the encoder gives the
        means of q(z|x), `(B, D)`, and the decoder the means of p(x|z), `(B, dim_original)`.

    Source: the Keras notebook on variational autoencoders with `VariationalLayer`.
    """
    sizes = {"dim_original": dim_original, "n_layers": n_layers, "dim_latent": dim_latent}
    for name, size in {**sizes, "dim_intermediate": dim_intermediate}.items():
        if isinstance(size, bool) or not hasattr(size, "__index__") or size < 1:
            raise ValueError(f"`{name}` must be an int of at least 1, but got {size!r}.")
    x = keras.Input((dim_original,))
    h = _through(_hidden(n_layers, dim_intermediate, activation, dropout), x)
    z_mean = keras.layers.Dense(dim_latent, name="z_mean")(h)
    z_log_var = keras.layers.Dense(dim_latent, name="z_log_var")(h)
    z = NormalSampling(name="z")([z_mean, z_log_var])
    h = _through(_hidden(n_layers, dim_intermediate, activation, dropout), z)
    decoded_mean = keras.layers.Dense(dim_original, activation=decoder_activation, name="decoded_mean")(h)
    vae = FastFitModel(x, _variational_layer(cls_vae)([x, decoded_mean, z_mean, z_log_var]), name="vae")
    vae.compile(optimizer=optimizer, loss=None)
    return (vae, *encoder_and_decoder(vae))


def encoder_and_decoder(vae: Any) -> tuple[Any, Any]:
    """(encoder, decoder) of a model of `make_vae`, also a loaded one; they share its weights."""
    at = vae.layers.index(vae.get_layer("z"))
    decoder_layers = [layer for layer in vae.layers[at + 1 :] if not isinstance(layer, VariationalLayer)]
    code = keras.Input(vae.get_layer("z").output.shape[1:])
    return (
        keras.Model(vae.input, vae.get_layer("z_mean").output, name="encoder"),
        keras.Model(code, _through(decoder_layers, code), name="decoder"),
    )


def as_vae(vae: Any, likelihood: Any = None) -> VAE:
    """A model of `make_vae` seen as a `VAE`, for sampling, likelihoods and measures; not for training or saving.

    Args:
        vae: of `make_vae`, also a loaded one; weights are shared.
        likelihood: function from decoded means, `(B, E)`, to p(x|z); None for that of the model's `VariationalLayer`.

    Raises:
        NotImplementedError: where that layer is one of the user's own and defines no `likelihood`.
    """
    encoder, decoder = encoder_and_decoder(vae)
    if likelihood is None:
        (loss,) = (layer for layer in vae.layers if isinstance(layer, VariationalLayer))
        nll_of, likelihood_of = (_defining(type(loss), name) for name in ("model_nll", "likelihood"))
        if nll_of is not likelihood_of and issubclass(nll_of, likelihood_of):
            raise NotImplementedError(f"{nll_of.__name__} defines `model_nll` but not `likelihood`.")
        likelihood = loss.likelihood
    parameters = [vae.get_layer(name).output for name in ("z_mean", "z_log_var")]
    return VAE(
        keras.Model(encoder.input, DistributionLambda(_diagonal_normal)(parameters)),
        keras.Model(decoder.input, DistributionLambda(likelihood, tfd.Distribution.mean)(decoder.output)),
    )


def _defining(cls, name):
    return next(base for base in cls.__mro__ if name in vars(base))


def _diagonal_normal(parameters):
    mean, log_var = parameters
    return tfd.Independent(tfd.Normal(mean, tf.exp(log_var / 2)), 1)


def _hidden(n_layers, width, activation, dropout):
    layers = []
    for _ in range(n_layers):
        layers.append(keras.layers.Dense(width, activation=activation))
        if dropout is not None:
            layers.append(keras.layers.Dropout(dropout))
    return layers


def _through(layers, h):
    for layer in layers:
        h = layer(h)
    return h


def _variational_layer(cls_vae):
    layer = cls_vae() if isinstance(cls_vae, type) and issubclass(cls_vae, VariationalLayer) else cls_vae
    if not isinstance(layer, VariationalLayer):
        raise TypeError(
            f"`cls_vae` must be a subclass of VariationalLayer, or an instance of one, but got {cls_vae!r}."
        )
    return layer
