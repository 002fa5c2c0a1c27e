"""Which operators run in one slot, and what a slot is to have: hints for a cluster, which nothing asks for here."""

from __future__ import annotations

from typing import Any, Dict, Optional

from millstream.flink.common.execution_config import whole

__all__ = ["MemorySize", "SlotSharingGroup"]


class MemorySize:
    """A number of bytes.

    >>> MemorySize.of_mebi_bytes(2).get_kibi_bytes(), str(MemorySize.of_mebi_bytes(2))
    (2048, '2 mb')
    """

    def __init__(self, j_memory_size: Any = None, bytes_size: Optional[int] = None) -> None:
        if j_memory_size is not None:
            raise TypeError("j_memory_size is an object of Java, and there is no JVM here: give bytes_size")
        self._bytes = whole(bytes_size, "the size of memory", 0, "bytes")

    @staticmethod
    def of_mebi_bytes(mebi_bytes: int) -> "MemorySize":
        """So many times 2^20."""
        return MemorySize(bytes_size=whole(mebi_bytes, "the size of memory", 0, "MiB") << 20)

    def get_bytes(self) -> int:
        """In bytes."""
        return self._bytes

    def get_kibi_bytes(self) -> int:
        """In units of 2^10, rounded down."""
        return self._bytes >> 10

    def get_mebi_bytes(self) -> int:
        """In units of 2^20, rounded down."""
        return self._bytes >> 20

    def get_gibi_bytes(self) -> int:
        """In units of 2^30, rounded down."""
        return self._bytes >> 30

    def get_tebi_bytes(self) -> int:
        """In units of 2^40, rounded down."""
        return self._bytes >> 40

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, MemorySize) and self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)

    def __lt__(self, other: "MemorySize") -> bool:
        if not isinstance(other, MemorySize):
            return NotImplemented
        return self._bytes < other._bytes

    def __le__(self, other: "MemorySize") -> bool:
        return self == other or self < other

    def __str__(self) -> str:
        for unit, size in (("tb", 40), ("gb", 30), ("mb", 20), ("kb", 10)):
            if self._bytes and self._bytes % (1 << size) == 0:
                return f"{self._bytes >> size} {unit}"
        return f"{self._bytes} bytes"

    def __repr__(self) -> str:
        return f"MemorySize({self})"


class SlotSharingGroup:
    """Operators that run in one slot, and what it is to have.

    >>> SlotSharingGroup.builder("heavy").set_cpu_cores(1.5).set_task_heap_memory_mb(100).build()
    SlotSharingGroup('heavy', cpu_cores=1.5, task_heap_memory=100 mb)
    """

    def __init__(self, name: str, wanted: Dict[str, Any], external: Dict[str, float]) -> None:
        self._name = name
        self._wanted = wanted
        self._external = external

    def get_name(self) -> str:
        """The name."""
        return self._name

    def get_managed_memory(self) -> Optional[MemorySize]:
        """What was set."""
        return self._wanted.get("managed_memory")

    def get_task_heap_memory(self) -> Optional[MemorySize]:
        """What was set."""
        return self._wanted.get("task_heap_memory")

    def get_task_off_heap_memory(self) -> Optional[MemorySize]:
        """What was set."""
        return self._wanted.get("task_off_heap_memory")

    def get_cpu_cores(self) -> Optional[float]:
        """What was set."""
        return self._wanted.get("cpu_cores")

    def get_external_resources(self) -> Dict[str, float]:
        """What was set, by name."""
        return dict(self._external)

    @staticmethod
    def builder(name: str) -> "SlotSharingGroup.Builder":
        """Begins with the name."""
        return SlotSharingGroup.Builder(name)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, SlotSharingGroup) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        wanted = {**self._wanted, **self._external}
        return (
            f"SlotSharingGroup({', '.join([repr(self._name), *(f'{key}={wanted[key]}' for key in wanted)])})"
        )

    class Builder:
        """Puts it together."""

        def __init__(self, name: str) -> None:
            if not isinstance(name, str) or not name:
                raise ValueError(
                    f"a SlotSharingGroup needs a name that is text and not empty, {name!r} was given"
                )
            self._name = name
            self._wanted: Dict[str, Any] = {}
            self._external: Dict[str, float] = {}

        def set_cpu_cores(self, cpu_cores: float) -> "SlotSharingGroup.Builder":
            """How many cores."""
            if isinstance(cpu_cores, bool) or not isinstance(cpu_cores, (int, float)) or cpu_cores <= 0:
                raise ValueError(f"a slot has a number of cores above 0, {cpu_cores!r} was given")
            return self._set("cpu_cores", cpu_cores)

        def set_task_heap_memory(self, task_heap_memory: MemorySize) -> "SlotSharingGroup.Builder":
            """How much memory on the heap of the JVM."""
            return self._set("task_heap_memory", _size(task_heap_memory))

        def set_task_heap_memory_mb(self, task_heap_memory_mb: int) -> "SlotSharingGroup.Builder":
            """The same, in units of 2^20 bytes."""
            return self._set("task_heap_memory", MemorySize.of_mebi_bytes(task_heap_memory_mb))

        def set_task_off_heap_memory(self, task_off_heap_memory: MemorySize) -> "SlotSharingGroup.Builder":
            """How much memory outside of the heap."""
            return self._set("task_off_heap_memory", _size(task_off_heap_memory))

        def set_task_off_heap_memory_mb(self, task_off_heap_memory_mb: int) -> "SlotSharingGroup.Builder":
            """The same, in units of 2^20 bytes."""
            return self._set("task_off_heap_memory", MemorySize.of_mebi_bytes(task_off_heap_memory_mb))

        def set_managed_memory(self, managed_memory: MemorySize) -> "SlotSharingGroup.Builder":
            """How much memory that Flink shares out itself."""
            return self._set("managed_memory", _size(managed_memory))

        def set_managed_memory_mb(self, managed_memory_mb: int) -> "SlotSharingGroup.Builder":
            """The same, in units of 2^20 bytes."""
            return self._set("managed_memory", MemorySize.of_mebi_bytes(managed_memory_mb))

        def set_external_resource(self, name: str, value: float) -> "SlotSharingGroup.Builder":
            """How much of something else, such as `gpu`."""
            self._external[name] = value
            return self

        def _set(self, name: str, value: Any) -> "SlotSharingGroup.Builder":
            self._wanted[name] = value
            return self

        def build(self) -> "SlotSharingGroup":
            """It."""
            return SlotSharingGroup(self._name, dict(self._wanted), dict(self._external))


def _size(given: Any) -> MemorySize:
    if not isinstance(given, MemorySize):
        raise TypeError(f"memory is given as MemorySize.of_mebi_bytes(100), {given!r} was given")
    return given
