//! The composition root.

use crate::config::Config;

/// Runs the host until it is told to stop.
///
/// # Errors
/// What kept it from running.
pub fn run(config: Config) -> anyhow::Result<()> {
    anyhow::bail!("the host of `{}` has no parts to run yet", config.application)
}
