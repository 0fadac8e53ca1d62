//! The first outputs of a module, for whoever has dropped it in and looks what it does. A handful a module and no more: after
//! that nothing is kept, and an output costs a comparison with zero.

use std::sync::Arc;

/// So many are shown.
pub const MOST: usize = 5;

/// Characters of a key or a value that are shown: a line of a wide terminal.
const CHARACTERS: usize = 160;

/// An output as a person is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstOutput {
    /// The wiring's sink.
    pub sink: usize,
    /// Its key, shortened.
    pub key: Option<String>,
    /// Its value, shortened.
    pub value: Option<String>,
}

/// A lane's part of them.
pub(super) struct First {
    left: usize,
    /// Since the last commit: they may be taken back.
    sent: Vec<FirstOutput>,
    committed: Vec<FirstOutput>,
}

impl Default for First {
    fn default() -> Self {
        First { left: MOST, sent: Vec::new(), committed: Vec::new() }
    }
}

impl First {
    /// An output was handed to the producer.
    pub(super) fn sent(&mut self, sink: usize, key: Option<&[u8]>, value: Option<&[u8]>) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        self.sent.push(FirstOutput { sink, key: key.map(shortened), value: value.map(shortened) });
    }

    pub(super) fn commit(&mut self) {
        self.committed.append(&mut self.sent);
    }

    /// What was sent since the last commit comes again.
    pub(super) fn take_back(&mut self) {
        self.left += self.sent.len();
        self.sent.clear();
    }

    /// What was committed since the last time.
    pub(super) fn take(&mut self) -> Vec<FirstOutput> {
        std::mem::take(&mut self.committed)
    }
}

/// What others see of them.
#[derive(Debug, Default)]
pub(super) struct Seen {
    version: Option<Arc<str>>,
    outputs: Vec<FirstOutput>,
}

impl Seen {
    pub(super) fn add(&mut self, version: &Arc<str>, outputs: Vec<FirstOutput>) {
        if self.version.as_ref() != Some(version) {
            *self = Seen { version: Some(version.clone()), outputs: Vec::new() };
        }
        self.outputs.extend(outputs);
    }

    pub(super) fn of(&self, version: &str) -> Vec<FirstOutput> {
        if self.version.as_deref() == Some(version) { self.outputs.clone() } else { Vec::new() }
    }
}

fn shortened(bytes: &[u8]) -> String {
    // A character has four bytes at most. What is cut through at the end is not among those that are taken.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * CHARACTERS + 4)]);
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(shortened(b"short"), "short");
        assert_eq!(shortened(&[0xff]), "\u{fffd}");
        for letter in ["a", "ä", "𝄞"] {
            assert_eq!(shortened(letter.repeat(CHARACTERS).as_bytes()), letter.repeat(CHARACTERS));
            assert_eq!(shortened(letter.repeat(5000).as_bytes()), letter.repeat(CHARACTERS) + "…");
        }
    }

    #[test]
    fn only_the_first_ones_are_kept_and_what_is_taken_back_makes_room() {
        let mut first = First::default();
        first.sent(0, None, Some(b"1"));
        first.take_back();
        first.commit();
        assert!(first.take().is_empty());
        for number in 0..MOST + 3 {
            first.sent(0, None, Some(number.to_string().as_bytes()));
            first.commit();
        }
        let values: Vec<_> = first.take().into_iter().filter_map(|output| output.value).collect();
        assert_eq!(values, ["0", "1", "2", "3", "4"]);
        assert!(first.take().is_empty());
    }

    #[test]
    fn what_another_version_did_is_not_shown() {
        let output = |value: &str| FirstOutput { sink: 0, key: None, value: Some(value.into()) };
        let (old, new) = (Arc::from("1"), Arc::from("2"));
        let mut seen = Seen::default();
        seen.add(&old, vec![output("a")]);
        assert!(seen.of("2").is_empty());
        seen.add(&new, vec![output("b")]);
        assert!(seen.of("1").is_empty());
        assert_eq!(seen.of("2"), [output("b")]);
    }
}
