//! A job that is made to be killed: copies the lines of files, exactly once.

fn main() {}
