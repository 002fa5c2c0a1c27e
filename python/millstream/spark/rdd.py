"""Data sets in partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, List, NoReturn, Optional, Sequence, Union

from millstream import _native
from millstream._names import pep8
from millstream._native import portable_hash
from millstream._pickle import pickled
from millstream.spark._actions import Actions
from millstream.spark._numbers import Numbers
from millstream.spark._pairs import Pairs
from millstream.spark._saving import Saving
from millstream.spark._spellings import OfRDD
from millstream.spark._transformations import Transformations
from millstream.spark.errors import PySparkRuntimeError

if TYPE_CHECKING:
    from millstream.spark.context import SparkContext

#: The property that says which group the jobs of a thread are in.
GROUP = "spark.jobGroup.id"

__all__ = ["Partitioner", "RDD", "portable_hash"]


class Partitioner:
    """Which partition a key belongs to. Two are equal if they have the same function and number of partitions."""

    def __init__(self, numPartitions: int, partitionFunc: Callable[[Any], int]) -> None:
        self.numPartitions = numPartitions
        self.partitionFunc = partitionFunc

    def __eq__(self, other: Any) -> bool:
        return (
            isinstance(other, Partitioner)
            and self.numPartitions == other.numPartitions
            and self.partitionFunc == other.partitionFunc
        )

    def __repr__(self) -> str:
        function = getattr(self.partitionFunc, "__name__", repr(self.partitionFunc))
        return f"Partitioner({self.numPartitions}, {function})"

    def __call__(self, k: Any) -> int:
        return self.partitionFunc(k) % self.numPartitions


@pep8
class RDD(OfRDD, Transformations, Pairs, Actions, Numbers, Saving):
    """A data set in partitions, described by how it is made. Nothing runs before an action.

    Functions are pickled when the first job needs them: what they captured is copied then.
    """

    def __init__(
        self,
        ctx: "SparkContext",
        make: Callable[[], _native.Dataset],
        partitions: Union[int, Callable[[], int]],
        partitioner: Optional[Partitioner] = None,
        parents: Sequence["RDD"] = (),
    ) -> None:
        super().__init__()
        self.ctx = ctx
        self.partitioner = partitioner
        self.is_cached = False
        self._make = make
        self._partitions = partitions
        self._parents = tuple(parents)
        self._made = None
        self._id = next(ctx._ids)
        self._name: Optional[str] = None
        self._operation: Optional[str] = None

    def __getnewargs__(self) -> NoReturn:
        raise PySparkRuntimeError(
            "It appears that you are attempting to broadcast an RDD or reference an RDD from an action or "
            "transformation. RDD transformations and actions can only be invoked by the driver, not inside of other "
            "transformations.",
            errorClass="RDD_TRANSFORM_ONLY_VALID_ON_DRIVER",
        )

    def __reduce__(self) -> Any:
        return self.__getnewargs__()

    def __repr__(self) -> str:
        return f"RDD[{self._id}] made by {self._made_by()}" + (f", named {self._name!r}" if self._name else "")

    def _made_by(self) -> str:
        return self._operation or (self._made.name if self._made is not None else "a source")

    # What it is

    @property
    def context(self) -> "SparkContext":
        """The context that it was made with."""
        return self.ctx

    def id(self) -> int:
        """Its number within its context."""
        return self._id

    def name(self) -> Optional[str]:
        """The name it was given."""
        return self._name

    def setName(self, name: str) -> "RDD":
        """Gives it a name."""
        self._name = name
        return self

    def getNumPartitions(self) -> int:
        """How many partitions there are."""
        if callable(self._partitions):
            self._partitions = self._partitions()
        return self._partitions

    def toDebugString(self) -> bytes:
        """What it is made from, a line for each data set."""
        lines: List[str] = []

        def show(rdd: "RDD", indent: str) -> None:
            kept = f" [{rdd.getStorageLevel()}]" if rdd.is_cached else ""
            lines.append(f"{indent}({rdd.getNumPartitions()}) {rdd!r}{kept}")
            for parent in rdd._parents:
                show(parent, indent + " |  ")

        show(self, "")
        return "\n".join(lines).encode("utf-8")

    # How it is made

    @property
    def _dataset(self) -> _native.Dataset:
        """The native data set; functions are pickled when it is first asked for."""
        if self._made is None:
            self.ctx._running()
            self._made = self._make()
            if self.is_cached:
                self._made.keep(self._level.useMemory, self._level.useDisk)
        return self._made

    def _step(
        self, name: str, step: str, function: Optional[Callable[..., Any]], preserves: bool = False
    ) -> "RDD":
        """A data set of what a step makes of each record."""
        return self._narrow(
            name,
            lambda: self._dataset.step(name, step, None if function is None else pickled(function, name)),
            self.partitioner if preserves else None,
        )

    def _narrow(
        self, name: str, make: Callable[[], _native.Dataset], partitioner: Optional[Partitioner] = None
    ) -> "RDD":
        """A data set with as many partitions, each made from the same one of this."""
        return RDD(self.ctx, make, self.getNumPartitions, partitioner, [self])._named(name)

    def _named(self, operation: str) -> "RDD":
        self._operation = operation
        return self

    def _call(
        self,
        name: str,
        function: Callable[..., Iterable[Any]],
        others: Sequence["RDD"] = (),
        places: Optional[Callable[[], List[List[Any]]]] = None,
        partitioner: Optional[Partitioner] = None,
    ) -> "RDD":
        """A data set of what `function(index, *iterators)` gives for each partition.

        `places` says for each partition which it reads: pairs of the number of a parent (0 is this) and of a partition
        of it. Without it, each reads the same one of this.
        """
        parents = [self, *others]

        def make() -> _native.Dataset:
            read = places() if places is not None else [[(0, at)] for at in range(self.getNumPartitions())]
            made = [parent._dataset for parent in parents]
            return _native.Dataset.call(self.ctx._running(), name, made, pickled(function, name), read)

        count = self.getNumPartitions if places is None else lambda: len(places())
        return RDD(self.ctx, make, count, partitioner, parents)._named(name)

    def _materialised(self) -> "RDD":
        """The same records, computed now and made from nothing else."""
        if self._is_materialised():
            return self
        engine = self.ctx._running()
        made = engine.materialise(self._dataset)
        rdd = RDD(self.ctx, lambda: made, self.getNumPartitions(), self.partitioner)._named(self._made_by())
        rdd._dataset
        return rdd

    def _as_blocks(self) -> List[bytes]:
        """The partitioner and the records of a data set that is materialised, as bytes."""
        import cloudpickle

        by = self.partitioner
        placed = None if by is None else (by.numPartitions, by.partitionFunc)
        return [cloudpickle.dumps(placed, 5), *(self._dataset.blocks() or [])]

    @staticmethod
    def _of_blocks(ctx: "SparkContext", operation: str, blocks: List[bytes]) -> "RDD":
        """The data set that `_as_blocks` gave the bytes of."""
        import pickle

        placed = pickle.loads(blocks[0])
        made = _native.Dataset.slices(ctx._running(), operation, blocks[1:])
        by = None if placed is None else Partitioner(*placed)
        rdd = RDD(ctx, lambda: made, len(blocks) - 1, by)._named(operation)
        rdd._dataset
        return rdd

    def _is_materialised(self) -> bool:
        """Whether it is made of records that are there."""
        return self._made is not None and self._made.is_sliced

    def _run(self, partitions: List[int]) -> List[List[Any]]:
        """The records of partitions. The one place where jobs begin."""
        engine = self.ctx._running()
        dataset = self._dataset
        properties = {name: value for name, value in vars(self.ctx._properties).items() if value is not None}
        group = properties.get(GROUP)
        job = self.ctx._jobs.begin(dataset.id, group)
        status = "FAILED"
        try:
            records = engine.run(dataset, partitions, properties)
            status = "SUCCEEDED"
        finally:
            self.ctx._jobs.end(job, status)
        self._checkpoint_lineage()
        return records

    def _default_reducers(self, wanted: Optional[int] = None) -> int:
        """Into how many partitions a shuffle goes."""
        if wanted is not None:
            return int(wanted)
        if self.ctx._conf.contains("spark.default.parallelism"):
            return self.ctx.defaultParallelism
        return self.getNumPartitions()


#: PySpark's name of what a narrow transformation makes; here there is one class.
PipelinedRDD = RDD

