use paperclip::v2::{models::DataType, schema::TypedData};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

/// One cell of a table as it stands there. On the wire a text or a number; a number keeps its digits.
///
/// It is not parsed before its row is: a cell that is wrong rejects its row and not the whole table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell(String);

impl Cell {
    pub fn new(text: impl Into<String>) -> Self {
        Cell(text.into())
    }

    /// What stands in the cell, without the spaces around it; none where that is nothing.
    pub fn text(&self) -> Option<&str> {
        Some(self.0.trim()).filter(|text| !text.is_empty())
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        match raw.get().as_bytes() {
            [b'"', ..] => serde_json::from_str(raw.get()).map(Cell).map_err(de::Error::custom),
            [b'-' | b'0'..=b'9', ..] => Ok(Cell(raw.get().to_owned())),
            _ => Err(de::Error::custom("a cell is a text or a number")),
        }
    }
}

impl TypedData for Cell {
    fn data_type() -> DataType {
        DataType::String
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_text_or_a_number_digit_for_digit() {
        let read = |json: &str| serde_json::from_str::<Cell>(json).map(|cell| cell.text().map(str::to_owned));
        assert_eq!(read("12.990").ok(), Some(Some("12.990".into())));
        assert_eq!(read("-725").ok(), Some(Some("-725".into())));
        assert_eq!(read(r#""  The \"Martian\" ""#).ok(), Some(Some("The \"Martian\"".into())));
        assert_eq!(read(r#""  ""#).ok(), Some(None));
        for wrong in ["true", "[1]", "{}", "null"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
