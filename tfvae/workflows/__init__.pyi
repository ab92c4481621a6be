from .estimator import TableEstimator as TableEstimator
from .fit_haplotypes import fit_haplotypes as fit_haplotypes
from .fit_images import fit_images as fit_images
from .fit_tables import fit_table as fit_table
from .haplotype_options import HaplotypeOptions as HaplotypeOptions
from .options import ImageOptions as ImageOptions
from .options import TableOptions as TableOptions
