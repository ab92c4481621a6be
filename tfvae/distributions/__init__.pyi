from .bernoulli import LogitsBernoulli as LogitsBernoulli
from .continuous_bernoulli import continuous_bernoulli_log_normalizer as continuous_bernoulli_log_normalizer
from .discretized_logistic import DiscretizedLogistic as DiscretizedLogistic
from .mixtures import DiagonalNormalMixture as DiagonalNormalMixture
from .mixtures import LocalNormalMixture as LocalNormalMixture
from .mixtures import as_diagonal_mixture as as_diagonal_mixture
from .mixtures import diagonal_normal as diagonal_normal
from .unfolded import Unfolded as Unfolded
