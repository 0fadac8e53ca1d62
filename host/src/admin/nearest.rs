//! What somebody may have meant.

/// The candidate that `word` is most likely a slip of; None if it is like none of them.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters: further away the guess would puzzle more than it helps.
    let most = (word.chars().count() / 3).max(1);
    let distance = |candidate: &&str| strsim::damerau_levenshtein(word, candidate);
    candidates
        .into_iter()
        .map(|candidate| (distance(&candidate), candidate))
        .min()
        .filter(|(d, _)| *d <= most)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_a_different_word_is_not() {
        let candidates = ["fraud", "payment", "order-router"];
        assert_eq!(nearest("fruad", candidates), Some("fraud"));
        assert_eq!(nearest("order_router", candidates), Some("order-router"));
        assert_eq!(nearest("retail", candidates), None);
        assert_eq!(nearest("fraud", []), None);
    }
}
