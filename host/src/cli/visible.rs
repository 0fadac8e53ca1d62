//! What comes from topics and plugins, on its way to a terminal.

/// On one line, and harmless to a terminal.
pub fn visible(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
