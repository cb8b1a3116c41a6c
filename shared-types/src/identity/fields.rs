use std::{fmt, str::FromStr};

use paperclip::{
    actix::Apiv2Schema,
    v2::{models::DataType, schema::TypedData},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Secret;

/// Which rule a field of an account breaks. It never repeats the text: that may be a password in the wrong field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FieldRule(&'static str);

/// What an account may do, in three steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Customer,
    Employee,
    Administrator,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Customer, Role::Employee, Role::Administrator];

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Customer => "customer",
            Role::Employee => "employee",
            Role::Administrator => "administrator",
        }
    }
}

impl FromStr for Role {
    type Err = FieldRule;

    fn from_str(text: &str) -> Result<Self, FieldRule> {
        let known = Role::ALL.into_iter().find(|role| role.as_str() == text);
        known.ok_or(FieldRule("is none of customer, employee and administrator"))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! text_field {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The text as its owner wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = FieldRule;

            fn from_str(text: &str) -> Result<Self, FieldRule> {
                let check: fn(&str) -> Result<(), FieldRule> = $check;
                check(text)?;
                Ok($name(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

text_field!(
    /// The name to sign in with: 3 to 64 characters of `a-z A-Z 0-9 . _ -`. It has no `@`, so it is never an e-mail
    /// address, and upper and lower case are the same name.
    Username,
    |text| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let begins_well = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        let fits = (3..=64).contains(&text.len()) && begins_well && text.bytes().all(plain);
        if fits { Ok(()) } else { Err(FieldRule("is not 3 to 64 letters, digits, dots, hyphens and underscores")) }
    }
);
text_field!(
    /// An e-mail address, at most 254 characters (RFC 5321 §4.5.3.1). Only a message that arrives proves that it exists,
    /// so no more is asked than one `@` between a name and a domain.
    Email,
    |text| {
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[]\\,;:\"".contains(c);
        let is_domain = |domain: &str| {
            let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
            domain.contains('.') && domain.split('.').all(label)
        };
        let fits = text.split_once('@').is_some_and(|(name, domain)| {
            (1..=64).contains(&name.len()) && !domain.contains('@') && is_domain(domain)
        });
        if fits && text.len() <= 254 && text.chars().all(plain) {
            Ok(())
        } else {
            Err(FieldRule("is not an e-mail address"))
        }
    }
);
text_field!(
    /// A telephone number as E.164 has it: `+`, a country code that does not begin with 0, 8 to 15 digits in all.
    Phone,
    |text| {
        let digits = text.strip_prefix('+').unwrap_or("");
        let fits = (8..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if fits { Ok(()) } else { Err(FieldRule("is not a telephone number such as +254711223344")) }
    }
);
text_field!(
    /// What a person is called: 1 to 200 characters on one line.
    PersonName,
    |text| {
        let fits = !text.trim().is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control);
        if fits { Ok(()) } else { Err(FieldRule("is not 1 to 200 characters on one line")) }
    }
);

text_field!(
    /// What an API key or an application is called by its owner: 1 to 100 characters on one line.
    Label,
    |text| {
        let fits = !text.trim().is_empty() && text.chars().count() <= 100 && !text.chars().any(char::is_control);
        if fits { Ok(()) } else { Err(FieldRule("is not 1 to 100 characters on one line")) }
    }
);

/// Characters in a password at least.
pub const MIN_PASSWORD_CHARS: usize = 12;
/// Characters in a password at most: enough for any sentence, and hashing it stays cheap to receive.
pub const MAX_PASSWORD_CHARS: usize = 128;

/// A password that somebody chooses: 12 to 128 characters, not one character over and over. What a password must
/// *contain* is not prescribed: such rules make people choose worse ones (NIST SP 800-63B §3.1.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPassword(Secret);

impl NewPassword {
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

impl FromStr for NewPassword {
    type Err = FieldRule;

    fn from_str(text: &str) -> Result<Self, FieldRule> {
        if !(MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&text.chars().count()) {
            return Err(FieldRule("is not 12 to 128 characters long"));
        }
        let first = text.chars().next();
        if text.chars().all(|character| Some(character) == first) {
            return Err(FieldRule("is one character over and over"));
        }
        Ok(NewPassword(Secret::new(text)))
    }
}

macro_rules! read_from_text {
    ($($name:ty),+) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(|rule: FieldRule| de::Error::custom(format_args!("the text {rule}")))
            }
        }

        impl TypedData for $name {
            fn data_type() -> DataType {
                DataType::String
            }
        }
    )+};
}

read_from_text!(Label, Username, Email, Phone, PersonName, NewPassword);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_take_what_people_have_and_refuse_the_rest() {
        for good in ["ana", "Ana.Lovelace-2", "a_b"] {
            assert!(good.parse::<Username>().is_ok(), "{good}");
        }
        for bad in ["", "ab", "-ana", "ana@shop", "ana lovelace", "änä", &"a".repeat(65)] {
            assert!(bad.parse::<Username>().is_err(), "{bad}");
        }
        for good in ["ana@example.com", "a+b.c@mail.example.co.ke", "jörg@exämple.de"] {
            assert!(good.parse::<Email>().is_ok(), "{good}");
        }
        for bad in
            ["ana", "@example.com", "ana@", "ana@localhost", "a@b@c.de", "a b@c.de", "a@b..de", "a@-b.de", "a@b.de\n"]
        {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
        for good in ["+254711223344", "+15551234567"] {
            assert!(good.parse::<Phone>().is_ok(), "{good}");
        }
        for bad in ["254711223344", "+0711223344", "+1", "+1555123456789012", "+1 555 1234567", "+١٢٣٤٥٦٧٨٩"] {
            assert!(bad.parse::<Phone>().is_err(), "{bad}");
        }
        assert!("Ana\nLovelace".parse::<PersonName>().is_err());
    }

    #[test]
    fn a_password_is_measured_in_characters_and_never_printed() {
        assert!("elevenchars".parse::<NewPassword>().is_err());
        assert!("ääääääääääbc".parse::<NewPassword>().is_ok());
        assert!("aaaaaaaaaaaaaaaa".parse::<NewPassword>().is_err());
        assert!("ab".repeat(65).parse::<NewPassword>().is_err());
        let password: NewPassword = "correct horse battery".parse().expect("a password");
        assert!(!format!("{password:?}").contains("horse"));
    }
}
