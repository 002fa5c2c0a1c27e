"""Settings of a context."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Tuple

from millstream._names import pep8
from millstream.spark._spellings import OfSparkConf
from millstream.spark.errors import PySparkRuntimeError

__all__ = ["SparkConf"]


@pep8
class SparkConf(OfSparkConf):
    """Settings by name. Those that begin with `spark.` in the environment variable's place of PySpark, the JVM's system
    properties, do not exist here: there is no JVM.

    >>> SparkConf().setMaster("local[2]").setAppName("counts").get("spark.master")
    'local[2]'
    """

    def __init__(self, loadDefaults: bool = True, _jvm: Any = None, _jconf: Any = None) -> None:
        self._conf: Dict[str, str] = {}

    def set(self, key: str, value: Any) -> "SparkConf":
        """Sets one."""
        self._conf[key] = _text(value)
        return self

    def setIfMissing(self, key: str, value: Any) -> "SparkConf":
        """Sets one that is not set."""
        self._conf.setdefault(key, _text(value))
        return self

    def setMaster(self, value: str) -> "SparkConf":
        """Where jobs run: `local`, `local[4]`, `local[*]`."""
        return self.set("spark.master", value)

    def setAppName(self, value: str) -> "SparkConf":
        """What the program is called."""
        return self.set("spark.app.name", value)

    def setSparkHome(self, value: str) -> "SparkConf":
        """Has no meaning here, and is kept."""
        return self.set("spark.home", value)

    def setExecutorEnv(
        self,
        key: Optional[str] = None,
        value: Optional[str] = None,
        pairs: Optional[List[Tuple[str, str]]] = None,
    ) -> "SparkConf":
        """Sets environment variables of the worker processes: one, or several by `pairs`."""
        if (key is None) == (pairs is None):
            raise PySparkRuntimeError("setExecutorEnv takes either a key with its value, or pairs")
        for name, setting in pairs if pairs is not None else [(str(key), str(value))]:
            self.set(f"spark.executorEnv.{name}", setting)
        return self

    def setAll(self, pairs: List[Tuple[str, str]]) -> "SparkConf":
        """Sets several."""
        for key, value in pairs:
            self.set(key, value)
        return self

    def get(self, key: str, defaultValue: Optional[str] = None) -> Optional[str]:
        """One setting, or `defaultValue`."""
        return self._conf.get(key, defaultValue)

    def getAll(self) -> List[Tuple[str, str]]:
        """All settings."""
        return list(self._conf.items())

    def contains(self, key: str) -> bool:
        """Whether it is set."""
        return key in self._conf

    def toDebugString(self) -> str:
        """All settings, a line each."""
        return "\n".join(f"{key}={value}" for key, value in self._conf.items())

    def _copy(self) -> "SparkConf":
        copy = SparkConf()
        copy._conf.update(self._conf)
        return copy

    def _environment(self) -> List[Tuple[str, str]]:
        """The environment of worker processes, where it differs from the driver's."""
        prefix = "spark.executorEnv."
        wanted = [(key[len(prefix) :], value) for key, value in self._conf.items() if key.startswith(prefix)]
        # Objects whose hash depends on the seed must be placed alike by all workers.
        seed = os.environ.get("PYTHONHASHSEED", "0")
        return [("PYTHONHASHSEED", "0" if seed == "random" else seed), *wanted]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
