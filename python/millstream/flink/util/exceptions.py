"""What programs catch that were written for PyFlink, where errors come out of a JVM."""

__all__ = ["JavaException", "TableException"]


class JavaException(Exception):
    """What is caught for an error of the engine: here that of a job, `JobExecutionException`."""


class TableException(JavaException):
    """What is caught for an error of the tables."""
