//! What state costs: the plugin `revenue`, with its stores on disk, against a bare loop that has its totals in a map. Both
//! write exactly once, and both write a changelog that has the last total of each customer of each commit.

use crate::contest::{self, Arguments, By, Job, MILL, Way};

const WAYS: &[Way] = &[
    ("bare loop", By::Bare),
    ("revenue", MILL),
    ("revenue, without deadline checks", By::Mill { exactly_once: true, checks: false }),
];

/// Measures, and prints a table.
pub fn run(arguments: &Arguments) {
    contest::run(arguments, &[(Job::Revenue, WAYS), (Job::RevenueAtCommits, WAYS)]);
}
