//! What exactly once costs: the same plugin with `delivery = "exactly-once"` and with `"at-least-once"`.

use crate::contest::{self, Arguments, By, Job, MILL, Way};

const WAYS: &[Way] = &[("at least once", By::Mill { exactly_once: false, checks: true }), ("exactly once", MILL)];

/// Measures, and prints a table.
pub fn run(arguments: &Arguments) {
    contest::run(arguments, &[(Job::PassThrough, WAYS), (Job::Fraud, WAYS), (Job::Revenue, WAYS)]);
}
