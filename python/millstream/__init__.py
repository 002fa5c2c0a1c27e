"""Distributed stream and batch processing.

`millstream.spark` has the names of PySpark: `SparkContext`, `RDD` and what belongs to them. Nothing is imported before it
is asked for.
"""
