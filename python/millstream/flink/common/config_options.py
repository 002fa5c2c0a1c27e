"""A setting with its name, its type and its default."""

from __future__ import annotations

from typing import Any, Generic, Optional, TypeVar

__all__ = ["ConfigOption", "ConfigOptions"]

T = TypeVar("T")


class ConfigOption(Generic[T]):
    """A setting: its name, the type of its value, and the value that it has if nobody sets it."""

    def __init__(self, key: str, kind: type, default: Optional[T]) -> None:
        self._key = key
        self._kind = kind
        self._default = default

    def key(self) -> str:
        """The name."""
        return self._key

    def default_value(self) -> Optional[T]:
        """The value if nobody sets it, `None` if there is none."""
        return self._default

    def __repr__(self) -> str:
        return f"ConfigOption({self._key!r}, {self._kind.__name__}, default {self._default!r})"


class ConfigOptions:
    """Describes settings of a program's own.

    >>> ConfigOptions.key("batch.size").int_type().default_value(10)
    ConfigOption('batch.size', int, default 10)
    """

    @staticmethod
    def key(key: str) -> "ConfigOptions.OptionBuilder":
        """Begins with the name."""
        return ConfigOptions.OptionBuilder(key)

    class OptionBuilder:
        """A name, that wants a type."""

        def __init__(self, key: str) -> None:
            self._key = key

        def boolean_type(self) -> "ConfigOptions.TypedConfigOptionBuilder[bool]":
            """Truth values."""
            return ConfigOptions.TypedConfigOptionBuilder(self._key, bool)

        def int_type(self) -> "ConfigOptions.TypedConfigOptionBuilder[int]":
            """Whole numbers of 32 bits."""
            return ConfigOptions.TypedConfigOptionBuilder(self._key, int)

        def long_type(self) -> "ConfigOptions.TypedConfigOptionBuilder[int]":
            """Whole numbers of 64 bits."""
            return ConfigOptions.TypedConfigOptionBuilder(self._key, int)

        def float_type(self) -> "ConfigOptions.TypedConfigOptionBuilder[float]":
            """Numbers with a fraction, of 32 bits."""
            return ConfigOptions.TypedConfigOptionBuilder(self._key, float)

        def double_type(self) -> "ConfigOptions.TypedConfigOptionBuilder[float]":
            """Numbers with a fraction, of 64 bits."""
            return ConfigOptions.TypedConfigOptionBuilder(self._key, float)

        def string_type(self) -> "ConfigOptions.TypedConfigOptionBuilder[str]":
            """Text."""
            return ConfigOptions.TypedConfigOptionBuilder(self._key, str)

    class TypedConfigOptionBuilder(Generic[T]):
        """A name and a type, that want a default."""

        def __init__(self, key: str, kind: type) -> None:
            self._key = key
            self._kind = kind

        def default_value(self, value: T) -> ConfigOption[T]:
            """The value if nobody sets it. Raises `TypeError` if it is not of the type."""
            fits: Any = (int, float) if self._kind is float else self._kind
            if not isinstance(value, fits) or (isinstance(value, bool) and self._kind is not bool):
                raise TypeError(
                    f"the default of {self._key} is of type {self._kind.__name__}, {value!r} was given"
                )
            return ConfigOption(self._key, self._kind, value)

        def no_default_value(self) -> ConfigOption[T]:
            """None."""
            return ConfigOption(self._key, self._kind, None)
