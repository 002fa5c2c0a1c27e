"""Outcomes after which a function is often tried again."""

from __future__ import annotations

from typing import Any, List, Type

__all__ = ["empty_result_predicate", "exception_type_predicate", "has_exception_predicate"]


def empty_result_predicate(result: List[Any]) -> bool:
    """Whether nothing came.

    >>> empty_result_predicate([]), empty_result_predicate([1])
    (True, False)
    """
    return not result


def has_exception_predicate(error: BaseException) -> bool:
    """Whether anything was raised."""
    return error is not None


def exception_type_predicate(error: BaseException, expected_error_type: Type[BaseException]) -> bool:
    """Whether an exception of this very class was raised."""
    return type(error) is expected_error_type
