"""Not there yet: each name is refused with what can be used instead."""

from millstream.flink.datastream.connectors._later import refusing

__getattr__ = refusing("pulsar", "add_source takes any iterable or generator function, add_sink any function")
