"""What the measures in a run mean, for its report."""

import re

_MEANINGS = {
    # Likelihood and latent space.
    "nll": "−log p(x) of held-out examples in nats, by importance sampling; smaller is better",
    "nll_standard_error": "the standard error of −log p(x) over the examples",
    "nll_gap": "how many nats an example the density is away from the truth; 0 is perfect",
    "mixture_nll_gap": "the same gap of scikit-learn's Gaussian mixture",
    "negative_elbo": "−ELBO in nats, which bounds −log p(x) from above",
    "reconstruction": "−log p(x|z) in nats, z drawn from q(z|x)",
    "kl": "KL of q(z|x) from the prior in nats: how much z says of x; near 0, z is not used",
    "active_units": "dimensions of z that the encoder uses",
    "mutual_information": "nats that z and x share",
    "doubling_gain": "how much log p(x) would rise with twice as many importance samples, in nats; near 0 is converged",
    "effective_sample_size": "how many of the importance samples count, on average",
    "components_used": "components of the mixture that are in use",
    "components_shared": "components that serve two modes or more",
    "posterior_components": "components of q(z|x) in use, of a mixture as posterior",
    "non_gaussianity": "nats by which q(z|x) differs from a Gaussian of its mean and covariance",
    "interpolation_rise": "rise of −log p(x) from the decoded ends of an interpolation to its decoded middle, in nats",
    "prior_drop": "fall of log p(z) from the ends to the middle of an interpolation, in nats",
    "aggregate_kl": "KL of all codes together from the prior, in nats; the rest of `kl` is mutual information",
    "variational_kl": "the KL by the variational approximation, in nats",
    "monte_carlo_kl": "the KL by Monte Carlo, in nats",
    "retrieval_loss": "nats of log p(z) that the exemplar prior loses by looking at near exemplars alone",
    "nll_matched_means": "−log p(x) in nats with the decoder's output read as a mean",
    "nll_gap_standard_error": "its standard error",
    "scale": "the learned scale of p(x|z)",
    "floor": "the smallest scale that the model may learn",
    "epochs_trained": "epochs until the validation loss had stopped falling",
    "steps": "training steps",
    "loss": "the training loss of the last epoch",
    "final_loss": "the training loss of the last epoch",
    "grey_loss": "the training loss on grey pixels, as the document computes it",
    "bits_per_dimension": "−log p(x) per pixel and channel, in bits",
    "squared_error": "squared error of reconstructions, summed over the pixels",
    "mean_squared_error": "squared error of what the posterior's mean decodes to, summed over the pixels",
    "squared_error_plus_kl": "squared error and KL, the ELBO's negative up to a constant; smaller is better",
    "active_share": "the share of z's dimensions whose KL is above 0.01 nats",
    "sparsity": "how rarely a used dimension of z is used: 0 for all examples alike, 1 for a single one",
    "shattering": "how well straight cuts in z divide the classes in two, over all halvings; 0.5 is guessing",
    # Numbers of examples.
    "rows_trained": "rows that the model was trained on",
    "rows_held_out": "rows held out, on which everything here is measured",
    "images_trained": "images that the model was trained on",
    "images_held_out": "images held out",
    "images_scored": "held-out images whose −log p(x) is estimated",
    # Draws against rows.
    "auc_random_forest": "how well a random forest tells draws from held-out rows: 0.5 is guessing, 1 is always right",
    "auc_gradient_boosting": "the same for gradient-boosted trees",
    "copula_auc_random_forest": "how well a random forest tells a Gaussian copula's draws from held-out rows",
    "copula_auc_gradient_boosting": "the same for gradient-boosted trees",
    "baseline_nll": "−log p(x) of held-out rows in nats by the best of scikit-learn's densities",
    "gain": "by how many nats a row the density is above the best baseline's",
    "auc_null_sd": "how far from 0.5 chance alone takes these two",
    "sliced_wasserstein": "sliced Wasserstein distance of draws from data",
    "sliced_wasserstein_null": "the same of data from data",
    "energy_distance": "energy distance of draws from data; 0 is perfect",
    "energy_distance_null": "the same of data from data",
    "mmd2": "squared maximum mean discrepancy of draws from data; 0 is perfect",
    "mmd2_null": "the same of data from data",
    # Modes.
    "modes": "modes with at least one draw within 3 standard deviations",
    "modes_covered": "modes that get at least a fifth of the draws that are due to them",
    "modes_covered_share": "the share of modes that get at least a fifth of the draws that are due to them",
    "weight_error": "the largest error of a mode's share of the draws",
    "sd_ratio": "the modes' width among draws, over their true width",
    "sd_ratio_worst": "the same for the mode where it is farthest from 1",
    "core_share": "the share of draws within half a standard deviation of a mode; 0.1175 is perfect",
    "bridge_mass": "the share of draws between the modes, more than 4 standard deviations from each",
    "high_quality_share": "the share of draws within 3 standard deviations of a mode; 0.989 is perfect",
    "reverse_kl": "KL of the modes' shares among draws from their true shares, in nats",
    "same_mode_share": "the share of reconstructions that stay in the mode of x",
    "seconds": "seconds of training and evaluation",
    # Curves.
    "rmse": "root mean squared distance of reconstructions from the data",
    "spearman": "rank correlation of z and the position on the curve; ±1 is perfect",
    "implied_scale": "the scale of p(x|z) that the weight of the loss implies",
    "z_range": "the largest |mean of q(z|x)|; near 0, the codes have collapsed",
    "data_spread": "root mean squared distance of the data from their mean: the RMSE of a model that ignores z",
    "recovered": "the share of fits that found the curve",
    "collapsed": "the share of fits whose z says nothing",
    # Images.
    "frechet_distance": "Fréchet distance to real images, in features trained on the same data (not FID); smaller is better",
    "fd_cnn": "Fréchet distance to real images, in features trained on the same data (not FID); smaller is better",
    "kernel_distance": "unbiased kernel distance to real images in the same features; 0 is perfect",
    "density": "how many real neighbourhoods an image lies in, against what is due; 1 is perfect",
    "coverage": "the share of real images with an image among their neighbours",
    "two_sample_accuracy": "how often a nearest-neighbour classifier tells images from real ones; 0.5 is guessing",
    "sharpness": "the mean size of the images' Laplacian; blur makes it small",
    "nearest_train": "distance to the nearest training image in features; near 0 is memorized",
    "mean_pixel_of_samples": "the mean grey value of decoder means",
    "sharpness_of_samples": "mean absolute difference of neighbouring pixels of decoder means",
    "reconstruction_rmse": "root mean squared error of reconstructions",
    "error": "mean absolute error of reconstructions",
    "mean_sigma": "mean standard deviation of q(z|x)",
    "population_variance": "mean variance of the codes' means; with the prior N(0, I), σ² and it should add up to 1",
    "aggregate_variance": "mean variance of the codes' draws; 1 for the prior N(0, I)",
    "latent_wasserstein": "sliced Wasserstein distance of the codes from N(0, I); 0 is perfect",
}  # fmt: skip
_OF = {  # prefix -> what the measure is of
    "val_": "on validation data",
    "means_": "of decoder means",
    "samples_": "of draws",
    "mixture_draws_": "of draws of a mixture fitted to the codes",
    "draws_": "of draws of the prior",
    "reconstructions_": "of reconstructions",
    "real_": "of other real images, the best that can be had",
}


def meaning(name: str) -> str:
    """What a measure means, with its unit; empty for one that is not known."""
    if name in _MEANINGS:
        return _MEANINGS[name]
    if labelled := re.fullmatch(r"accuracy_(\d+)", name):
        return (
            f"the share of test images that 5 nearest neighbours of {int(labelled[1]):,} with a label classify rightly"
        )
    if sized := re.match(r"mixture_(\d+)_draws_", name):
        prefixes = {sized[0]: f"of draws of a mixture of {sized[1]} fitted to the codes"}
    else:
        prefixes = _OF
    for prefix, of in prefixes.items():
        if name.startswith(prefix) and name.removeprefix(prefix) in _MEANINGS:
            return f"{of}: {_MEANINGS[name.removeprefix(prefix)]}"
    return ""
