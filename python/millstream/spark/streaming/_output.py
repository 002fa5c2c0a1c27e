"""Output operations: what makes a batch be computed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from millstream.spark.streaming import _graph
from millstream.spark.streaming._times import moment, with_time

if TYPE_CHECKING:
    from millstream.spark.rdd import RDD
    from millstream.spark.streaming.dstream import DStream

#: The line above and below the time of a printed batch, as PySpark draws it.
RULE = "-------------------------------------------"


class Output:
    """The part of a DStream that puts it out."""

    def pprint(self: "DStream", num: int = 10) -> None:
        """Prints the first `num` records of each batch below its time, and `...` where there are more."""

        def show(time: int, rdd: "RDD") -> None:
            taken = rdd.take(num + 1)
            lines = [RULE, f"Time: {moment(time)}", RULE, *map(str, taken[:num])]
            if len(taken) > num:
                lines.append("...")
            # One write for the batch, so that those of several streams are not mixed; whoever reads a pipe
            # sees it now.
            sys.stdout.write("\n".join(lines) + "\n\n")
            sys.stdout.flush()

        self._put_out("pprint", show)

    def foreachRDD(self: "DStream", func: "Union[Callable[[RDD], Any], Callable[[Any, RDD], Any]]") -> None:
        """Calls `func` with the data set of each batch, in the driver; it may take the batch time, a
        `datetime`, before it.

        An exception that it raises ends the program: `awaitTermination` raises it.
        """
        f = with_time(func, 1)
        self._put_out("foreachRDD", lambda time, rdd: f(moment(time), rdd))

    def saveAsTextFiles(self: "DStream", prefix: str, suffix: Optional[str] = None) -> None:
        """Writes each batch as a folder of text files, a line for each record: `PREFIX-TIME_IN_MS.SUFFIX`, or
        without the point where there is no suffix.

        A batch that is processed again after a kill takes the place of what was left of it.
        """

        def save(time: int, rdd: "RDD") -> None:
            folder = f"{prefix}-{time}" + ("" if suffix is None else f".{suffix}")
            if self._graph.is_again(time):
                rdd._remove(folder)
            rdd.saveAsTextFile(folder)

        self._put_out("saveAsTextFiles", save)

    def _put_out(self: "DStream", name: str, function: "Callable[[int, RDD], Any]") -> None:
        self._graph.add_output(_graph.Output(name, self, function))
