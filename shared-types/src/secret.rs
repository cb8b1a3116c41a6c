use std::fmt;

use paperclip::v2::{models::DataType, schema::TypedData};
use serde::{Deserialize, Deserializer};

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
        String::deserialize(deserializer).map(Secret)
    }
}

impl TypedData for Secret {
    fn data_type() -> DataType {
        DataType::String
    }
}
