"""Streams, between the faces that users see and the engine: the plan of a program, and what runs in its
operators."""
