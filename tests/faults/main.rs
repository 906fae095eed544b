//! Suite being written: holds no test yet.

fn main() {}
