use std::{fmt, str::FromStr};

use paperclip::v2::{
    models::{DataType, DataTypeFormat},
    schema::TypedData,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// A text that is not the identifier that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not {0}")]
pub struct IdError(&'static str);

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The identifier with this number; none below 1.
            pub const fn new(number: i64) -> Option<Self> {
                if number >= 1 { Some(Self(number)) } else { None }
            }

            pub const fn number(self) -> i64 {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse().ok().and_then(Self::new).ok_or(IdError($what))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = i64::deserialize(deserializer)?;
                Self::new(number).ok_or_else(|| de::Error::custom(concat!("the number is not ", $what)))
            }
        }

        impl TypedData for $name {
            fn data_type() -> DataType {
                DataType::Integer
            }

            fn format() -> Option<DataTypeFormat> {
                Some(DataTypeFormat::Int64)
            }
        }
    };
}

number_id!(
    /// A book's number, given by the catalog, 1 or above.
    BookId,
    "a book's number (1 or above)"
);
number_id!(
    /// A courier's number, given by the delivery service, 1 or above.
    CourierId,
    "a courier's number (1 or above)"
);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn from_uuid(uuid: Uuid) -> Self {
                $name(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                // One spelling only: the hyphenated one in lower case, so that a derived id cannot have two texts.
                let uuid = Uuid::try_parse(text).map_err(|_| IdError($what))?;
                if uuid.to_string() == text { Ok($name(uuid)) } else { Err(IdError($what)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

uuid_id!(
    /// An order's identifier: a UUID of version 7 (RFC 9562), so that later orders sort behind earlier ones.
    OrderId,
    "an order's id"
);
uuid_id!(
    /// The identifier of an account with the shop, a UUID of version 7: a customer's, an employee's or an administrator's.
    AccountId,
    "an account's id"
);

impl OrderId {
    /// The order's `n`-th attempt to take copies.
    pub const fn taking(self, n: u32) -> TakingId {
        TakingId { order: self, n }
    }

    /// The order's `n`-th attempt to be paid.
    pub const fn payment(self, n: u32) -> PaymentId {
        PaymentId { order: self, n }
    }

    /// The order's `n`-th delivery.
    pub const fn delivery(self, n: u32) -> DeliveryId {
        DeliveryId { order: self, n }
    }
}

macro_rules! text_id {
    ($name:ty, $format:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(|error| de::Error::custom(format!("the text {error}")))
            }
        }

        impl TypedData for $name {
            fn data_type() -> DataType {
                DataType::String
            }

            fn format() -> Option<DataTypeFormat> {
                $format
            }
        }
    };
}

text_id!(AccountId, Some(DataTypeFormat::Uuid));
text_id!(OrderId, Some(DataTypeFormat::Uuid));
text_id!(TakingId, None);
text_id!(PaymentId, None);
text_id!(DeliveryId, None);

macro_rules! attempt_id {
    ($(#[$doc:meta])* $name:ident, $separator:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            pub order: OrderId,
            pub n: u32,
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{}", $separator, "{}"), self.order, self.n)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let read = || {
                    let (order, n) = text.split_once($separator)?;
                    let id = $name { order: order.parse().ok()?, n: n.parse().ok().filter(|n| *n >= 1)? };
                    // One spelling only: no leading zeros, no sign.
                    (id.to_string() == text).then_some(id)
                };
                read().ok_or(IdError($what))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

attempt_id!(
    /// `<order>:<n>`: the n-th attempt of an order to take copies. The sender chooses it, so a repeated call is the same call.
    TakingId,
    ":",
    "a taking's id (<order id>:<attempt>)"
);
attempt_id!(
    /// `<order>:<n>`: the n-th attempt of an order to be paid. A provider takes it as the key of the payment.
    PaymentId,
    ":",
    "a payment's id (<order id>:<attempt>)"
);
attempt_id!(
    /// `<order>:d<n>`: the n-th delivery of an order.
    DeliveryId,
    ":d",
    "a delivery's id (<order id>:d<number>)"
);

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";

    #[test]
    fn an_id_has_one_spelling() {
        let order: OrderId = ORDER.parse().expect("an order's id");
        assert_eq!(order.taking(3).to_string().parse(), Ok(order.taking(3)));
        assert_eq!(order.delivery(1).to_string().parse(), Ok(order.delivery(1)));
        for text in [":1", ":01", ":+1", ":0", ":d1", ":4294967296"] {
            let whole = format!("{ORDER}{text}");
            assert_eq!(whole.parse::<TakingId>().is_ok(), text == ":1", "{whole}");
        }
        assert!(ORDER.to_uppercase().parse::<OrderId>().is_err());
        assert!(ORDER.replace('-', "").parse::<OrderId>().is_err());
        assert!("0".parse::<BookId>().is_err());
        assert!("9223372036854775808".parse::<BookId>().is_err());
    }
}
