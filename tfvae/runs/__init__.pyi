from .directory import RunDirectory as RunDirectory
from .fit import fit_in_run as fit_in_run
from .load import Run as Run
from .load import load_model as load_model
from .load import load_run as load_run
from .report import write_report as write_report
from .tables import claims_table as claims_table
from .tables import summary_table as summary_table
