"""Not there yet: each name is refused with what can be used instead."""

from millstream.flink.datastream.connectors._later import refusing

__getattr__ = refusing(
    "elasticsearch", "add_sink takes any function, or an object with a method invoke(value)"
)
