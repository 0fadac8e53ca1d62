//! What hides personal data.

/// Of a fixed length: how long an address or a number is says something about it, too.
pub(crate) const HIDDEN: &str = "***";

/// The last digits of a card, which are printed on every receipt.
const SHOWN: usize = 4;

/// Stars for all but the last four characters; for all of them if there are no more than that.
pub(crate) fn card(number: &str) -> String {
    let length = number.chars().count();
    let hidden = if length > SHOWN { length - SHOWN } else { length };
    number.chars().enumerate().map(|(index, character)| if index < hidden { '*' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_shows_its_last_four_characters() {
        assert_eq!(card("4012888888881881"), "************1881");
        assert_eq!(card("12345"), "*2345");
        assert_eq!(card("äöüéß"), "*öüéß");
    }

    #[test]
    fn a_short_number_shows_nothing() {
        assert_eq!(card("1234"), "****");
        assert_eq!(card(""), "");
    }
}
