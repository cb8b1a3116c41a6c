use std::fmt;

use shared_types::limits::{MAX_REASON_CHARS, MAX_SKU_CHARS, MAX_TEXT_CHARS, MAX_TOPIC_CHARS};
use unicode_normalization::UnicodeNormalization;

/// Why a text cannot stand in its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("is empty")]
    Empty,
    #[error("has more than {0} characters")]
    TooLong(usize),
    /// A line break, a zero byte: nothing that can be shown, and Postgres takes no zero byte at all.
    #[error("has a control character")]
    Control,
}

/// Reads one line of text: without the spaces around it, 1 to `max_chars` characters, none of them a control character.
pub fn line(text: &str, max_chars: usize) -> Result<&str, TextError> {
    let text = text.trim();
    if text.is_empty() {
        Err(TextError::Empty)
    } else if text.chars().any(char::is_control) {
        Err(TextError::Control)
    } else if text.chars().count() > max_chars {
        Err(TextError::TooLong(max_chars))
    } else {
        Ok(text)
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $max_chars:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            pub fn parse(text: &str) -> Result<Self, TextError> {
                line(text, $max_chars).map(|text| Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

texts! {
    Title, MAX_TEXT_CHARS;
    /// The author or authors, as printed on the cover.
    Author, MAX_TEXT_CHARS;
    Topic, MAX_TOPIC_CHARS;
    /// The shop's own article number.
    Sku, MAX_SKU_CHARS;
    /// Why the stock was adjusted.
    Reason, MAX_REASON_CHARS;
    /// The caller's id for an adjustment.
    AdjustmentId, MAX_REASON_CHARS;
}

/// Characters of a text that take part in sorting and matching. An index entry of Postgres has at most 2,704 bytes.
const KEY_CHARS: usize = 200;

/// The text by which titles are sorted and topics and authors are matched: one case, one spelling of accents, cut.
pub fn key(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text[..text.len().min(KEY_CHARS)].to_ascii_lowercase();
    }
    let composed: String = text.nfc().collect();
    // Lower case knows two sigmas; a name written in capitals must match whichever.
    composed.to_lowercase().replace('ς', "σ").chars().take(KEY_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_that_can_be_shown() {
        assert_eq!(Title::parse("  The Martian ").map(|title| title.to_string()), Ok("The Martian".into()));
        assert_eq!(Title::parse(" \t "), Err(TextError::Empty));
        assert_eq!(Title::parse("a\u{0}b"), Err(TextError::Control));
        assert_eq!(Title::parse("a\nb"), Err(TextError::Control));
        assert_eq!(Sku::parse(&"x".repeat(65)), Err(TextError::TooLong(64)));
        // Characters are counted, not bytes.
        assert!(Sku::parse(&"書".repeat(64)).is_ok());
    }

    #[test]
    fn a_key_is_the_same_in_every_case_and_spelling() {
        assert_eq!(key("Distributed SYSTEMS"), key(" distributed systems "));
        assert_eq!(key("ΣΊΣΥΦΟΣ"), key("Σίσυφος"));
        assert_eq!(key("E\u{301}mile"), key("éMILE"));
        assert_ne!(key("Emile"), key("Émile"));
        assert!(key(&"𝔊".repeat(1_000)).len() <= 800);
        assert_eq!(key(&format!(" {} ", "X".repeat(1_000))), "x".repeat(200));
        let ascii: String = (' '..='\x7f').collect();
        assert_eq!(format!("{}é", key(&ascii)), key(&format!("{}é", ascii.trim())));
    }
}
