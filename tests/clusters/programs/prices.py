"""What the program `rdd.py` imports."""

from millstream.spark import Broadcast

known: Broadcast


def valued(sale):
    article, pieces = sale
    return article, pieces * known.value[article]
