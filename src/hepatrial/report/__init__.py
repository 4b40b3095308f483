"""The report: figures, tables and words of a run, in English and Chinese, as one page that opens offline."""

from hepatrial.report.export import export_report
from hepatrial.report.write import comparison_table, write_figures, write_report

__all__ = ["comparison_table", "export_report", "write_figures", "write_report"]
