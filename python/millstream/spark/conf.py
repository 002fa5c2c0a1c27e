"""Settings of a context."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Optional, Tuple

from millstream._names import pep8
from millstream.spark._spellings import OfSparkConf
from millstream.spark.errors import PySparkRuntimeError, PySparkValueError

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
        """Where jobs run: `local`, `local[4]`, `local[*]`, `millstream://HOST:PORT`."""
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

    def __repr__(self) -> str:
        return f"<SparkConf {' '.join(self.toDebugString().splitlines())}>"

    def _copy(self) -> "SparkConf":
        copy = SparkConf()
        copy._conf.update(self._conf)
        return copy

    def _memory(self) -> Tuple[Optional[int], Optional[int]]:
        """How many bytes of shuffle blocks and of kept partitions stay in memory, as Spark divides it; `None`: as many as
        the engine takes by itself."""
        told = self._conf.get("spark.driver.memory")
        if told is None:
            return None, None
        fraction, kept = (
            self._fraction(key, usual)
            for key, usual in (("spark.memory.fraction", 0.6), ("spark.memory.storageFraction", 0.5))
        )
        usable = _bytes("spark.driver.memory", told) * fraction
        return int(usable * (1 - kept)), int(usable * kept)

    def _fraction(self, key: str, usual: float) -> float:
        text = self._conf.get(key, str(usual))
        try:
            fraction = float(text or "")
        except ValueError:
            fraction = -1
        if not 0 <= fraction <= 1:
            raise PySparkValueError(f"the setting {key} is {text!r}: it is a number from 0 to 1, {usual} by default")
        return fraction

    def _environment(self) -> List[Tuple[str, str]]:
        """The environment of worker processes, where it differs from the driver's."""
        prefix = "spark.executorEnv."
        wanted = [(key[len(prefix) :], value) for key, value in self._conf.items() if key.startswith(prefix)]
        # Objects whose hash depends on the seed must be placed alike by all workers.
        seed = os.environ.get("PYTHONHASHSEED", "0")
        return [("PYTHONHASHSEED", "0" if seed == "random" else seed), *wanted]


def _bytes(key: str, text: str) -> int:
    """A size as Spark writes it: `512m`, `2g`; mebibytes where no unit is said."""
    found = re.fullmatch(r"(\d+)\s*([bkmgtp])?b?", text.strip().lower())
    if found is None or int(found.group(1)) == 0:
        raise PySparkValueError(f"the setting {key} is {text!r}: it is a size such as 512m or 2g")
    return int(found.group(1)) << (10 * "bkmgtp".index(found.group(2) or "m"))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
