//! Keys: how they are hashed, and which key group they belong to.

pub mod hash;
