"""Errors that a user can cause. Their messages are one line."""

__all__ = ["EccentricError", "UsageError"]


class EccentricError(Exception):
    """A mistake of the user or a failed run; the command line prints the message without a traceback.

    The message is one line that states what is wrong, where, and how to fix it. Exit status 1.
    """


class UsageError(EccentricError):
    """Invalid arguments, regardless of the data. Exit status 2."""
