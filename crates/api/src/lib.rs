//! Distributed stream and batch processing: DataStream, Rdd and DStream on one engine.

pub mod rdd;
