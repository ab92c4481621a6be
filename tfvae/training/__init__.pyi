from .callbacks import KLWarmUp as KLWarmUp
from .checkpoints import Checkpoint as Checkpoint
from .fast_fit import FastFit as FastFit
from .fast_fit import FastFitModel as FastFitModel
from .progress import ProgressLine as ProgressLine
from .schedules import LinearWarmUp as LinearWarmUp
