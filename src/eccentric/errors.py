"""What goes wrong on the user's side, told in one line."""

__all__ = ["EccentricError", "UsageError"]


class EccentricError(Exception):
    """A user's mistake or a failed run, told in one line; the command line prints it without a traceback.

    The line names what is wrong, where, and the mend. Exit status 1.
    """


class UsageError(EccentricError):
    """Arguments that cannot work, whatever the data hold. Exit status 2."""
