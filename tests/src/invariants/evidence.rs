//! What is told of a broken invariant.

use std::fmt;

/// As many cases are shown of each.
const SHOWN: usize = 8;

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which, as a sentence.
    pub invariant: &'static str,
    /// How many cases there are.
    pub cases: usize,
    /// The first of them.
    pub evidence: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BROKEN: {} ({} cases)", self.invariant, self.cases)?;
        self.evidence.iter().try_for_each(|case| write!(f, "\n  {case}"))
    }
}

/// Collects the cases against one invariant.
pub(super) struct Evidence(Broken);

impl Evidence {
    pub(super) fn against(invariant: &'static str) -> Self {
        Evidence(Broken { invariant, cases: 0, evidence: Vec::new() })
    }

    pub(super) fn case(&mut self, case: String) {
        self.0.cases += 1;
        if self.0.evidence.len() < SHOWN {
            self.0.evidence.push(case);
        }
    }

    pub(super) fn broken(self) -> Option<Broken> {
        (self.0.cases > 0).then_some(self.0)
    }
}
