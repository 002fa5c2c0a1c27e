"""Standard input and output: a job in the middle of a pipe. Flink has none; the names are this package's own.

>>> from millstream.flink.common import WatermarkStrategy
>>> from millstream.flink.datastream import StreamExecutionEnvironment
>>> env = StreamExecutionEnvironment.get_execution_environment()
>>> _ = env.from_collection(["a", "b"]).sink_to(StandardOutputSink())
>>> _ = env.execute()
a
b
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Tuple

from millstream.flink.common.typeinfo import Types
from millstream.flink.datastream.connectors.base import Sink, Source

if TYPE_CHECKING:
    from millstream.flink.common.typeinfo import TypeInformation

__all__ = ["StandardInputSource", "StandardOutputSink"]


class StandardInputSource(Source):
    """The lines of standard input; the job ends with them. At most once: what a killed job had read is gone.

    Settings are `bad_text` (`fail`, `replace`, `skip`) and `line_max`, such as `"1 MiB"`.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = [(name.replace("_", "-"), str(value)) for name, value in settings.items()]

    def _engine(self) -> "Tuple[str, Tuple[Any, ...], TypeInformation, Dict[str, Any]]":
        settings = {"bounded": True, "promise": "at most once", "parallel": False}
        return "standard_input", (self._settings,), Types.STRING(), settings


class StandardOutputSink(Sink):
    """Writes each record on a line of standard output, and nothing else: `print()` says which subtask wrote."""

    def _text_sink(self) -> "Tuple[str, str, Dict[str, Any]]":
        return "output", "StandardOutput", {}

    @staticmethod
    def _printed(declared: "TypeInformation") -> Any:
        """How records of a type are shown: as `print()` shows them."""
        from millstream.flink.common.typeinfo import PickledBytesTypeInfo

        return None if isinstance(declared, PickledBytesTypeInfo) else declared
