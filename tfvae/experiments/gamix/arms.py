"""The arms of the comparison: one pair of networks, trained in different ways."""

import dataclasses

import numpy as np

import tfvae
from tfvae import layers, networks, objectives, priors
from tfvae.host.lazy import Later

keras = Later("keras")


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What all arms share."""

    image_shape: tuple
    latent_dim: int
    width: int
    learning_rate: float
    num_components: int  # of a learned mixture prior and, a tenth of it, of pseudo-inputs

    def gamix(self, **changes):
        """GAMIX-VAE's factory at these sizes."""
        settings = {"latent_dim": self.latent_dim, "width": self.width, "learning_rate": self.learning_rate}
        return tfvae.make_gamix_vae(self.image_shape, **{**settings, **changes})

    def without_noise(self, objective, kernel_regularizer=None):
        """An autoencoder of the same networks and likelihood."""
        posterior = layers.IndependentDeterministic(self.latent_dim, name="posterior")
        scale = float(np.prod(self.image_shape)) / 10_000  # of the published weight of the reconstruction
        likelihood = layers.IndependentLaplace(self.image_shape, "mean", scale=scale, name="likelihood")
        sizes = {"width": self.width, "normalization": "frozen", "bottleneck": max(1, self.latent_dim // 8)}
        vae = tfvae.VAE(
            networks.resnet_v2_encoder(self.image_shape, posterior, **sizes),
            networks.resnet_v2_decoder(
                self.latent_dim, self.image_shape, likelihood, kernel_regularizer=kernel_regularizer, **sizes
            ),
            objective=objective,
        )
        vae.compile(keras.optimizers.Adam(self.learning_rate, beta_1=0.5))
        return vae

    def vampprior(self, train, seed):
        prior = priors.VampPrior(self.latent_dim, max(2, self.num_components // 10), self.image_shape, seed=seed)
        prior.start_at(train[:10_000], seed)
        return self.gamix(posterior="normal", adversarial_weight=0, prior=prior)

    def vae_gan(self):
        vae = self.gamix(posterior="normal", adversarial_weight=0)
        discriminator = networks.patch_gan(self.image_shape, self.width, normalization="frozen")
        gan = tfvae.AdversarialVAE(vae.encoder, vae.decoder, discriminator, fakes="both", adversarial_weight=20.0,
                                   feature_layer="features", adversary_trains="decoder")  # fmt: skip
        gan.compile(*(keras.optimizers.Adam(self.learning_rate, beta_1=0.5) for _ in range(2)))
        return gan


# name -> (what it is, function of (sizes, training images, seed) that makes it)
ARMS = {
    "vae": ("the ordinary KL and L1", lambda s, x, seed: s.gamix(posterior="normal", adversarial_weight=0)),
    "gamix": ("GAMIX as published", lambda s, x, seed: s.gamix()),
    "gamix-no-adversary": ("without the PatchGAN", lambda s, x, seed: s.gamix(adversarial_weight=0)),
    "gamix-no-variance-term": ("without the term on each σ(x)", lambda s, x, seed: s.gamix(individual_weight=0)),
    "gamix-total": ("moments of the aggregate posterior", lambda s, x, seed: s.gamix(moments="total")),
    "gamix-batchnorm": ("BatchNormalization and dropout really trained",
                        lambda s, x, seed: s.gamix(normalization="batch")),
    "gamix-mixture": ("a mixture as each q(z|x)", lambda s, x, seed: s.gamix(posterior="mixture")),
    "rae": ("RAE-L2", lambda s, x, seed: s.without_noise(objectives.RAE(1e-3), keras.regularizers.L2(1e-5))),
    "wae": ("WAE-MMD", lambda s, x, seed: s.without_noise(objectives.WAE(1_000.0))),
    "mixture-prior": ("a learned mixture as prior", lambda s, x, seed: s.gamix(
        posterior="normal", adversarial_weight=0, prior=priors.MixturePrior(s.latent_dim, s.num_components, seed=seed))),
    "vampprior": ("VampPrior", lambda s, x, seed: s.vampprior(x, seed)),
    "vae-gan": ("VAE-GAN", lambda s, x, seed: s.vae_gan()),
}  # fmt: skip
MAIN = ("vae", "gamix", "gamix-no-adversary", "gamix-mixture", "rae", "mixture-prior")
