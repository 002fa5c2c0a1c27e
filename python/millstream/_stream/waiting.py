"""Asynchronous functions: many records wait for something outside at once.

A run of records is begun together, so many at a time as the program allows, and its results go on when all of them are
there. So nothing is on its way when a barrier comes, and state needs none of it.

Answers for the loop, for how many wait, for time limits and for trying again.
Holds: results have the time of their record; in order, they are in the order of the records.
"""

from __future__ import annotations

from typing import Any, List, NamedTuple, Optional, Tuple

from millstream._stream.faults import at
from millstream._stream.operations import Operation, Records, Times

#: Results of a record, with its place in the run.
_Done = Tuple[int, List[Any]]


class Asked(NamedTuple):
    """What a program said; travels pickled."""

    function: Any
    #: For a record with all its attempts, in milliseconds; 0: none.
    timeout: int
    #: How many records wait at once.
    capacity: int
    retries: Any
    is_ordered: bool

    def open(self, context: Any) -> None:
        """Opens the user's function."""
        self.function.open(context)

    def close(self) -> None:
        """Closes it."""
        self.function.close()


class Waiting(Operation):
    """Any number of records for each, after waiting."""

    def __init__(self, name: str, asked: Asked, convert: Optional[Any]) -> None:
        super().__init__(name, asked, asked.function.async_invoke, convert)
        self._asked = asked
        self._loop: Any = None

    def open(self, context: Any) -> None:
        """Begins the loop in which functions wait."""
        import asyncio

        self._loop = asyncio.new_event_loop()
        super().open(context)

    def close(self) -> None:
        """Ends it."""
        super().close()
        if self._loop is not None:
            self._loop.close()
            self._loop = None

    def batch(self, records: Records, times: Times) -> None:
        done: List[_Done] = []
        self._loop.run_until_complete(self._all(records, done))
        if self._asked.is_ordered:
            done.sort(key=lambda one: one[0])
        made = [result for _, results in done for result in results]
        stamps = None if times is None else [times[place] for place, results in done for _ in results]
        if made:
            self.down.batch(made, stamps)

    async def _all(self, records: Records, done: List[_Done]) -> None:
        import asyncio

        room = asyncio.Semaphore(self._asked.capacity)

        async def one(place: int, record: Any) -> None:
            async with room:
                try:
                    done.append((place, self._results(await self._in_time(record))))
                except BaseException as error:
                    raise at(error, self.name, record) from None

        waiting = [asyncio.ensure_future(one(place, record)) for place, record in enumerate(records)]
        try:
            await asyncio.gather(*waiting)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _results(self, results: Any) -> List[Any]:
        if results is None:
            return []
        if not hasattr(results, "__iter__"):
            raise TypeError(
                f"{results!r} of type {type(results).__name__} was given where a list of records is right"
            )
        return list(results) if self.convert is None else [self.convert(result) for result in results]

    async def _in_time(self, record: Any) -> Any:
        import asyncio

        if not self._asked.timeout:
            return await self._tried(record)
        trying = asyncio.ensure_future(self._tried(record))
        # Not `wait_for`: a function may raise a TimeoutError of its own.
        finished, _ = await asyncio.wait([trying], timeout=self._asked.timeout / 1000)
        if finished:
            return trying.result()
        trying.cancel()
        await asyncio.gather(trying, return_exceptions=True)
        return self._asked.function.timeout(record)

    async def _tried(self, record: Any) -> Any:
        import asyncio

        retries = self._asked.retries
        outcomes = retries.get_retry_predicate()
        attempt = 1
        while True:
            try:
                results = await self.call(record)
            except Exception as error:
                again = outcomes.exception_predicate()
                if again is None or not again(error) or not retries.can_retry(attempt):
                    raise
            else:
                again = outcomes.result_predicate()
                if again is None or not again(results) or not retries.can_retry(attempt):
                    return results
            await asyncio.sleep(retries.get_backoff_time_millis(attempt) / 1000)
            attempt += 1
