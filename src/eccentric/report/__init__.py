"""A run folder -> figures/*.png and report.html, one file to read, print and send.

Everything is drawn from the run folder alone, so a folder that was copied elsewhere, without its data, can be reported.

>>> from eccentric.report import write_report
>>> from eccentric.training import Run
>>> write_report(Run("runs/digits"))  # doctest: +SKIP
PosixPath('runs/digits/report.html')
"""

from eccentric.report.pictures import Picture
from eccentric.report.writing import write_report

__all__ = ["Picture", "write_report"]
