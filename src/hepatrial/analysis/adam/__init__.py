"""ADaM-like tables (ADSL, ADTTE, ADLB, ADAE): out of a trial's tables, and into them."""

from hepatrial.analysis.adam.export import adam_tables
from hepatrial.analysis.adam.files import read_files, write_files
from hepatrial.analysis.adam.read import trial_tables

__all__ = ["adam_tables", "read_files", "trial_tables", "write_files"]
