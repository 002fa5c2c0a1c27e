"""The names of PyFlink.

A program of PyFlink is run here by changing its imports from `pyflink` to `millstream.flink`. Nothing is
imported before it is asked for.

>>> from millstream.flink.common import Types
>>> Types.TUPLE([Types.STRING(), Types.INT()])
TupleTypeInfo(String, Integer)
"""
