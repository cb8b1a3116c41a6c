use std::fmt::{Display, Formatter, Result as FmtResult};

use serde::{Deserialize, Serialize, de::DeserializeOwned, de::IntoDeserializer, de::value::Error as PlainError};
use service_kit::db::{DbError, Row};

fn unreadable(column: &str, problem: impl ToString) -> DbError {
    DbError::Decode { column: column.to_owned(), problem: problem.to_string() }
}

/// The name that an enumeration's value has on the wire; the columns hold the same.
pub(super) fn name<T: Serialize>(value: &T) -> String {
    Name(value).to_string()
}

/// As serde names it.
struct Name<'a, T>(&'a T);

impl<T: Serialize> Display for Name<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        self.0.serialize(f)
    }
}

/// The value of an enumeration in a text column.
pub(super) fn named<T: for<'de> Deserialize<'de>>(row: &Row, column: &str) -> Result<T, DbError> {
    required(maybe_named(row, column)?, column)
}

/// The value of an enumeration in a text column, where there is one.
pub(super) fn maybe_named<T: for<'de> Deserialize<'de>>(row: &Row, column: &str) -> Result<Option<T>, DbError> {
    let read = |text: String| {
        let text: serde::de::value::StringDeserializer<PlainError> = text.into_deserializer();
        T::deserialize(text).map_err(|error| unreadable(column, error))
    };
    row.get::<Option<String>>(column)?.map(read).transpose()
}

/// A value that parses from its text, where there is one.
pub(super) fn parsed<T: std::str::FromStr<Err: ToString>>(row: &Row, column: &str) -> Result<Option<T>, DbError> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|error: T::Err| unreadable(column, error.to_string()))).transpose()
}

/// A value as JSON.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("BUG: wire types serialise")
}

/// The value of a JSON column, where there is one.
pub(super) fn from_json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Option<T>, DbError> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| unreadable(column, error))).transpose()
}

/// A count that is kept as a bigint.
pub(super) fn count(row: &Row, column: &str) -> Result<u32, DbError> {
    u32::try_from(row.get::<i64>(column)?).map_err(|error| unreadable(column, error))
}

/// A column that must not be empty.
pub(super) fn required<T>(value: Option<T>, column: &str) -> Result<T, DbError> {
    value.ok_or_else(|| unreadable(column, "null"))
}
