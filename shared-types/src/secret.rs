use std::fmt;

use paperclip::v2::{models::DataType, schema::TypedData};
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

/// A password, a token or a key. It cannot be printed or serialised by accident: whoever needs the text says so.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, to be compared, hashed or handed to its owner, and never to a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for a text only, a reader of JSON would name the number that it found instead.
        deserializer.deserialize_any(TextOnly)
    }
}

/// Reads a text. What is none is refused without being repeated: a card's number sent as a number is still a secret.
struct TextOnly;

impl Visitor<'_> for TextOnly {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Secret, E> {
        Ok(Secret(text))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Secret, E> {
        Err(E::custom("must be a text"))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secret, E> {
        Err(E::custom("must be a text"))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Secret, E> {
        Err(E::custom("must be a text"))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secret, E> {
        Err(E::custom("must be a text"))
    }
}

impl TypedData for Secret {
    fn data_type() -> DataType {
        DataType::String
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_refused_without_being_repeated() {
        for json in ["4242424242424242", "-4242", "42.42", "true", "null", "[4242]", r#"{"a": 4242}"#] {
            let error = serde_json::from_str::<Secret>(json).expect_err("it is no text").to_string();
            assert!(!error.contains("42") && !error.contains("true"), "{json}: {error}");
        }
    }
}
