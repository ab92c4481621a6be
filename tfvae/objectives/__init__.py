"""What is minimized."""

from tfvae.objectives.elbo import ELBO
from tfvae.objectives.importance_weighted import CIWAE, IWAE, MIWAE
from tfvae.objectives.negative_log_prob import NegativeLogProb
from tfvae.objectives.objective import Objective, Terms
from tfvae.objectives.routed import PIWAE, STL, DReG

__all__ = ["CIWAE", "DReG", "ELBO", "IWAE", "MIWAE", "NegativeLogProb", "Objective", "PIWAE", "STL", "Terms"]
