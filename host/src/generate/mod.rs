//! Sample events, the same for the same seed.

mod bank;
mod random;
mod shop;

pub use bank::Bank;
pub use shop::{Record, Shop};
