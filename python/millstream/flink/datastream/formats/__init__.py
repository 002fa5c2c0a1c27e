"""Formats of records at the edges of a job."""
