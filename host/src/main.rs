//! `wasmill`: see `wasmill --help`.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// What a module answers, and what a commit hands to the writer's thread, are many and large pieces that live for a moment,
/// and are let go of by another thread: the system's allocator takes a tenth of an event's time for them.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    wasmill::cli::main()
}
