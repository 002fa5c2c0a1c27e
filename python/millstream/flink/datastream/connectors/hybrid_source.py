"""Not there yet: each name is refused with what can be used instead."""

from millstream.flink.datastream.connectors._later import refusing

__getattr__ = refusing("hybrid_source", "add_source takes any iterable, such as itertools.chain of two")
