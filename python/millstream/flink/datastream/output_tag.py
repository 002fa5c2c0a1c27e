"""The name of a side output."""

from __future__ import annotations

from typing import Any, List, Optional, Union

from millstream.flink.common.typeinfo import TypeInformation, declared

__all__ = ["OutputTag"]


class OutputTag:
    """The name of a side output, and the type of its records.

    A process function emits into it with `yield tag, record`; `get_side_output(tag)` is the stream.

    >>> from millstream.flink.common import Types
    >>> OutputTag("late", Types.STRING())
    OutputTag('late', String)
    >>> OutputTag("")
    Traceback (most recent call last):
    ...
    ValueError: an OutputTag needs a name that is text and not empty, '' was given
    """

    def __init__(
        self, tag_id: str, type_info: Optional[Union[TypeInformation, List[TypeInformation]]] = None
    ) -> None:
        if not tag_id or not isinstance(tag_id, str):
            raise ValueError(f"an OutputTag needs a name that is text and not empty, {tag_id!r} was given")
        self.tag_id = tag_id
        self.type_info = declared(type_info, f"the type of the OutputTag {tag_id!r}")

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, OutputTag) and self.tag_id == other.tag_id

    def __hash__(self) -> int:
        return hash(self.tag_id)

    def __repr__(self) -> str:
        return f"OutputTag({self.tag_id!r}, {self.type_info!r})"
