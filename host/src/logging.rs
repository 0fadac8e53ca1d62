//! Where log lines go, and in which format.
