"""The bounds of times."""

#: The time of what never comes to an end.
MAX_LONG_VALUE = (1 << 63) - 1
#: The time of a record that has none, and of a stream before its first watermark.
MIN_LONG_VALUE = -(1 << 63)
#: The name of the stream that is not a side output.
DEFAULT_OUTPUT_TAG = ""
