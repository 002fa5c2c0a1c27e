"""What is known of a job that is finished."""

from __future__ import annotations

from typing import Any, Dict, Optional

from millstream.flink.common.job_id import JobID

__all__ = ["JobExecutionResult"]


class JobExecutionResult:
    """Which job it was, how long it ran, and what its accumulators came to.

    >>> print(JobExecutionResult(JobID("0" * 32), 1234))
    Program execution finished
    Job with JobID 00000000000000000000000000000000 has finished.
    Job Runtime: 1234 ms
    <BLANKLINE>
    """

    def __init__(
        self, job_id: JobID, net_runtime: int, accumulators: Optional[Dict[str, Any]] = None
    ) -> None:
        self._job_id = job_id
        self._net_runtime = net_runtime
        self._accumulators = dict(accumulators or {})

    def get_job_id(self) -> JobID:
        """Which job it was."""
        return self._job_id

    def get_net_runtime(self) -> int:
        """How long it ran, in milliseconds."""
        return self._net_runtime

    def get_accumulator_result(self, accumulator_name: str) -> Any:
        """What one accumulator came to, `None` if there was none of this name."""
        return self._accumulators.get(accumulator_name)

    def get_all_accumulator_results(self) -> Dict[str, Any]:
        """What the accumulators came to, by name."""
        return dict(self._accumulators)

    def __str__(self) -> str:
        lines = [
            "Program execution finished",
            f"Job with JobID {self._job_id} has finished.",
            f"Job Runtime: {self._net_runtime} ms",
        ]
        if self._accumulators:
            lines.append("Accumulator Results: ")
            lines += [f"- {name}: {value!r}" for name, value in sorted(self._accumulators.items())]
        return "\n".join([*lines, ""])

    def __repr__(self) -> str:
        return f"JobExecutionResult({self._job_id}, {self._net_runtime} ms)"
