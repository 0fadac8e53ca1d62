//! `wasmill`: see `wasmill --help`.

fn main() {}
