//! What wakes a plugin when no event does.

pub use wasmill_contract::Clock;

/// A timer that is due: see [`Plugin::on_timer`](crate::Plugin::on_timer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) at: i64,
    pub(crate) clock: Clock,
}

impl<'a> Timer<'a> {
    /// The key that it was set under.
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// The key as text; None if it is not UTF-8.
    pub fn key_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.key).ok()
    }

    /// The time that it was set for, milliseconds since the Unix epoch. It never fires before.
    pub fn at(&self) -> i64 {
        self.at
    }

    /// The clock that it goes by.
    pub fn clock(&self) -> Clock {
        self.clock
    }
}
