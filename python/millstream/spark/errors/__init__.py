"""PySpark's exception classes, and what a failed task raises."""

from __future__ import annotations

from typing import Any, Dict, Optional

from millstream.errors import TaskError

__all__ = [
    "PySparkException",
    "PySparkAttributeError",
    "PySparkNotImplementedError",
    "PySparkPicklingError",
    "PySparkRuntimeError",
    "PySparkTypeError",
    "PySparkValueError",
    "TaskError",
]


class PySparkException(Exception):
    """The base of what the package raises in the driver."""

    def __init__(
        self,
        message: Optional[str] = None,
        errorClass: Optional[str] = None,
        messageParameters: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__(message or errorClass or "")
        self._message = message
        self._errorClass = errorClass
        self._messageParameters = messageParameters or {}

    def getMessage(self) -> str:
        """What went wrong."""
        return str(self)

    def getCondition(self) -> Optional[str]:
        """The name of the error, where it has one."""
        return self._errorClass

    getErrorClass = getCondition

    def getMessageParameters(self) -> Dict[str, Any]:
        """What the message speaks of."""
        return self._messageParameters


class PySparkValueError(PySparkException, ValueError):
    """A value that cannot be."""


class PySparkTypeError(PySparkException, TypeError):
    """A value of another type than is asked for."""


class PySparkAttributeError(PySparkException, AttributeError):
    """A name that is not there."""


class PySparkRuntimeError(PySparkException, RuntimeError):
    """Something that cannot be done here or now."""


class PySparkNotImplementedError(PySparkException, NotImplementedError):
    """Something that this engine does not do."""


class PySparkPicklingError(PySparkException):
    """Something that cannot be sent to a task."""
