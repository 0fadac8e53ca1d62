//! The loop that moves events.
