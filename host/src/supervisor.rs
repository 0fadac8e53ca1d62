//! Starts, restarts and stops workers.
