use std::fmt;

use paperclip::v2::{models::DataType, schema::TypedData};
use serde::{Deserialize, Serialize};

/// The bookstore's callers name their customers by a text or by a whole number. Here it is a text beside the order, from
/// which it is given back as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum CustomerId {
    Number(i64),
    Text(String),
}

impl CustomerId {
    /// The text that is kept. One that would be read back as something else is kept in quotes.
    pub fn kept(&self) -> String {
        match self {
            CustomerId::Number(number) => number.to_string(),
            CustomerId::Text(text) if whole_number(text).is_some() || text.starts_with('"') => {
                serde_json::to_string(text).expect("BUG: a text serialises")
            }
            CustomerId::Text(text) => text.clone(),
        }
    }

    pub fn read(kept: &str) -> CustomerId {
        let quoted = || serde_json::from_str(kept).unwrap_or_else(|_| kept.to_owned());
        match whole_number(kept) {
            Some(number) => CustomerId::Number(number),
            None if kept.starts_with('"') => CustomerId::Text(quoted()),
            None => CustomerId::Text(kept.to_owned()),
        }
    }
}

/// A whole number as JSON writes it, in its one spelling.
fn whole_number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CustomerId::Number(number) => write!(f, "{number}"),
            CustomerId::Text(text) => f.write_str(text),
        }
    }
}

impl TypedData for CustomerId {
    fn data_type() -> DataType {
        DataType::String
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_given_back_as_he_came() {
        let text = |text: &str| CustomerId::Text(text.to_owned());
        for id in [CustomerId::Number(42), CustomerId::Number(-1), text("42"), text("042"), text("c-42"), text("\"x\"")]
        {
            assert_eq!(CustomerId::read(&id.kept()), id);
        }
        assert_eq!(text("c-42").kept(), "c-42");
        // Written by another contract.
        assert_eq!(CustomerId::read("\"half"), text("\"half"));
    }
}
