"""Settings by name, as a program gives them to an environment."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Set

__all__ = ["Configuration"]


class Configuration:
    """Settings by name.

    >>> settings = Configuration().set_integer("parallelism.default", 2)
    >>> settings.get_string("parallelism.default", "1"), settings.get_boolean("pipeline.object-reuse", False)
    ('2', False)
    """

    def __init__(self, other: Optional["Configuration"] = None, j_configuration: Any = None) -> None:
        if j_configuration is not None:
            raise TypeError("j_configuration is an object of Java, and there is no JVM here: give `other`")
        self._settings: Dict[str, Any] = dict(other._settings) if other is not None else {}

    @classmethod
    def from_dict(cls, map: Dict[str, str]) -> "Configuration":
        """Settings from a dictionary."""
        configuration = cls()
        for key, value in map.items():
            configuration._set(key, value)
        return configuration

    def get_string(self, key: str, default_value: str) -> str:
        """A setting as text."""
        return self._get(key, default_value, _text)

    def set_string(self, key: str, value: str) -> "Configuration":
        """Sets text."""
        return self._set(key, value)

    def get_integer(self, key: str, default_value: int) -> int:
        """A setting as a whole number. Raises `ValueError` if it is none."""
        return self._get(key, default_value, int)

    def set_integer(self, key: str, value: int) -> "Configuration":
        """Sets a whole number."""
        return self._set(key, value)

    def get_boolean(self, key: str, default_value: bool) -> bool:
        """A setting as a truth value. Raises `ValueError` if it is none."""
        return self._get(key, default_value, _truth)

    def set_boolean(self, key: str, value: bool) -> "Configuration":
        """Sets a truth value."""
        return self._set(key, value)

    def get_float(self, key: str, default_value: float) -> float:
        """A setting as a number. Raises `ValueError` if it is none."""
        return self._get(key, float(default_value), float)

    def set_float(self, key: str, value: float) -> "Configuration":
        """Sets a number."""
        return self._set(key, value)

    def get_bytearray(self, key: str, default_value: bytearray) -> bytearray:
        """A setting as bytes."""
        return self._get(key, default_value, bytearray)

    def set_bytearray(self, key: str, value: bytearray) -> "Configuration":
        """Sets bytes."""
        return self._set(key, bytearray(value))

    def key_set(self) -> Set[str]:
        """The names of what is set."""
        return set(self._settings)

    def add_all_to_dict(self, target_dict: Dict[str, Any]) -> None:
        """Puts all settings into a dictionary."""
        target_dict.update(self._settings)

    def add_all(self, other: "Configuration", prefix: Optional[str] = None) -> "Configuration":
        """Takes the settings of another, each name behind `prefix`."""
        for key, value in other._settings.items():
            self._set(f"{prefix or ''}{key}", value)
        return self

    def contains_key(self, key: str) -> bool:
        """Whether it is set."""
        return key in self._settings

    def to_dict(self) -> Dict[str, str]:
        """All settings as text."""
        return {key: _text(value) for key, value in self._settings.items()}

    def remove_config(self, key: str) -> bool:
        """Takes a setting out; whether it was there."""
        return self._settings.pop(key, None) is not None

    @staticmethod
    def parse_list_value(value: str) -> Any:
        """The parts of a setting that is a list: between semicolons, or a list in YAML's brackets.

        >>> Configuration.parse_list_value("a;b"), Configuration.parse_list_value("[a, b]")
        (['a', 'b'], ['a', 'b'])
        """
        if not value:
            return []
        if value.startswith("[") and value.endswith("]"):
            return [part.strip().strip("'\"") for part in value[1:-1].split(",") if part.strip()]
        return value.split(";")

    def _set(self, key: str, value: Any) -> "Configuration":
        if not isinstance(key, str) or not key:
            raise TypeError(f"the name of a setting is text, {key!r} was given")
        if value is None:
            raise ValueError(
                f"the setting {key} needs a value, None was given; remove_config takes a setting out"
            )
        self._settings[key] = value
        return self

    def _get(self, key: str, default: Any, read: Callable[[Any], Any]) -> Any:
        if key not in self._settings:
            return default
        value = self._settings[key]
        try:
            return read(value)
        except (TypeError, ValueError):
            wanted = {int: "a whole number", float: "a number", _truth: "true or false"}.get(read, "bytes")
            raise ValueError(f"the setting {key} is {value!r}, where {wanted} is asked for") from None

    def __deepcopy__(self, memodict: Any = None) -> "Configuration":
        return Configuration(self)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Configuration) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(frozenset(self.to_dict().items()))

    def __str__(self) -> str:
        return f"{{{', '.join(f'{key}={value}' for key, value in sorted(self.to_dict().items()))}}}"

    def __repr__(self) -> str:
        return f"Configuration({self})"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _truth(value: Any) -> bool:
    found = {"true": True, "false": False}.get(_text(value).strip().lower())
    if found is None:
        raise ValueError(value)
    return found
