//! From a changed file to a module at work: what is in the plugins folder ([`folder`]), when it changed ([`watcher`]),
//! what ran before ([`history`]), and whether a new module can take over between two commits or needs a restart
//! ([`change`]).

pub mod change;
pub mod folder;
pub mod history;
pub mod watcher;
