"""The report of a run folder: figures/*.png, and report.html as one self-contained file.

The report needs only the run folder, not the data, so it can also be written for a copy of the folder.

>>> from eccentric.report import write_report
>>> from eccentric.training import Run
>>> write_report(Run("runs/digits"))  # doctest: +SKIP
PosixPath('runs/digits/report.html')
"""

from eccentric.report.pictures import Picture
from eccentric.report.writing import write_report

__all__ = ["Picture", "write_report"]
