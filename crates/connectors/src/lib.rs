//! Sources and sinks: collections, sequences, files, TCP, print.
