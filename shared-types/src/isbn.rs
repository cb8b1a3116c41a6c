use std::{fmt, str::FromStr};

use paperclip::v2::{models::DataType, schema::TypedData};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An International Standard Book Number: thirteen digits whose check digit is right (ISO 2108).
///
/// An ISBN-10 is read too and kept as its ISBN-13. Hyphens and spaces between the digits are ignored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Isbn([u8; 13]);

/// Why a text is no ISBN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IsbnError {
    #[error("is empty")]
    Empty,
    #[error("has a character that no ISBN has")]
    Character,
    #[error("has {0} digits where an ISBN has 10 or 13")]
    Length(usize),
    #[error("starts with neither 978 nor 979")]
    Prefix,
    #[error("has a wrong check digit")]
    CheckDigit,
}

/// The check digit of the first twelve digits: weights 1 and 3 in turn, modulo 10 (ISO 2108, EAN-13).
fn check_digit(digits: &[u8]) -> u8 {
    let sum: u32 = digits.iter().take(12).zip([1, 3].iter().cycle()).map(|(d, w)| u32::from(*d) * w).sum();
    u8::try_from((10 - sum % 10) % 10).expect("BUG: a remainder modulo 10 fits in a byte")
}

impl Isbn {
    fn from_ten(digits: &[u8], last: char) -> Result<Isbn, IsbnError> {
        let check = if last == 'X' { 10 } else { digits[9] };
        // Weights 10 down to 1, the sum divisible by 11 (ISO 2108:1992).
        let sum: u32 = (2..=10).rev().zip(digits).map(|(weight, digit)| weight * u32::from(*digit)).sum();
        if !(sum + u32::from(check)).is_multiple_of(11) {
            return Err(IsbnError::CheckDigit);
        }
        let mut thirteen = [9, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        thirteen[3..12].copy_from_slice(&digits[..9]);
        thirteen[12] = check_digit(&thirteen);
        Ok(Isbn(thirteen))
    }

    fn from_thirteen(digits: &[u8]) -> Result<Isbn, IsbnError> {
        let thirteen: [u8; 13] = digits.try_into().map_err(|_| IsbnError::Length(digits.len()))?;
        if thirteen[..3] != [9, 7, 8] && thirteen[..3] != [9, 7, 9] {
            return Err(IsbnError::Prefix);
        }
        if check_digit(&thirteen) != thirteen[12] {
            return Err(IsbnError::CheckDigit);
        }
        Ok(Isbn(thirteen))
    }
}

impl FromStr for Isbn {
    type Err = IsbnError;

    fn from_str(text: &str) -> Result<Self, IsbnError> {
        let compact: Vec<char> = text.trim().chars().filter(|c| *c != '-' && *c != ' ').collect();
        let last = *compact.last().ok_or(IsbnError::Empty)?;
        let last = last.to_ascii_uppercase();
        let mut digits = Vec::with_capacity(13);
        for (index, character) in compact.iter().enumerate() {
            let is_check_x = compact.len() == 10 && index == 9 && last == 'X';
            match character.to_digit(10) {
                Some(digit) => digits.push(u8::try_from(digit).expect("BUG: a decimal digit fits in a byte")),
                None if is_check_x => digits.push(0),
                None => return Err(IsbnError::Character),
            }
        }
        match digits.len() {
            10 => Isbn::from_ten(&digits, last),
            13 => Isbn::from_thirteen(&digits),
            other => Err(IsbnError::Length(other)),
        }
    }
}

impl fmt::Display for Isbn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.map(|digit| b'0' + digit);
        f.write_str(std::str::from_utf8(&text).expect("BUG: an ISBN has digits only"))
    }
}

impl fmt::Debug for Isbn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Isbn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Isbn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| de::Error::custom(format!("the ISBN {error}")))
    }
}

impl TypedData for Isbn {
    fn data_type() -> DataType {
        DataType::String
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<String, IsbnError> {
        text.parse::<Isbn>().map(|isbn| isbn.to_string())
    }

    #[test]
    fn ten_and_thirteen_digits_are_one_number() {
        assert_eq!(read("0143127551"), Ok("9780143127550".into()));
        assert_eq!(read("978-0-14-312755-0"), Ok("9780143127550".into()));
        assert_eq!(read("080442957X"), Ok("9780804429573".into()));
        assert_eq!(read("080442957x"), Ok("9780804429573".into()));
        assert_eq!(read("979 9 0000 0001 7").is_ok(), read("9799000000017").is_ok());
    }

    #[test]
    fn what_is_no_isbn_says_why() {
        assert_eq!(read("  "), Err(IsbnError::Empty));
        assert_eq!(read("9780143127551"), Err(IsbnError::CheckDigit));
        assert_eq!(read("0143127552"), Err(IsbnError::CheckDigit));
        assert_eq!(read("439023483"), Err(IsbnError::Length(9)));
        assert_eq!(read("9.78043902348e+12"), Err(IsbnError::Character));
        assert_eq!(read("X439023483"), Err(IsbnError::Character));
        assert_eq!(read("1234567890128"), Err(IsbnError::Prefix));
        assert_eq!(read("٩٧٨٠١٤٣١٢٧٥٥٠"), Err(IsbnError::Character));
    }

    proptest! {
        #[test]
        fn every_single_wrong_digit_is_found(digits in proptest::collection::vec(0u8..10, 9), at in 0usize..13, add in 1u8..10) {
            let mut isbn = [9, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            isbn[3..12].copy_from_slice(&digits);
            isbn[12] = check_digit(&isbn);
            let text = |digits: &[u8]| digits.iter().map(u8::to_string).collect::<String>();
            prop_assert!(read(&text(&isbn)).is_ok());
            isbn[at] = (isbn[at] + add) % 10;
            prop_assert!(read(&text(&isbn)).is_err());
        }
    }
}
