//! What a person types; one file a command.

pub mod check;
pub mod test;
