//! The operators that exist: steps, keyed aggregates, processes, windows.
