use std::{fmt, str::FromStr};

use paperclip::v2::{models::DataType, schema::TypedData};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// An ISO 4217 currency by its three-letter code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// Currencies without minor units (ISO 4217, exponent 0).
const NO_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
/// Currencies with a thousand minor units (ISO 4217, exponent 3).
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";
/// The other national currencies (ISO 4217, exponent 2).
const TWO_DECIMALS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
    CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS \
    INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD \
    NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP \
    SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG";

impl Currency {
    /// The United States dollar: the shop's currency where none is configured.
    pub const USD: Currency = Currency(*b"USD");

    /// The three-letter code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("BUG: a currency is built from ASCII letters only")
    }

    /// How many decimals one unit of the currency has.
    pub fn decimals(&self) -> u32 {
        match self.code() {
            code if NO_DECIMALS.contains(code) => 0,
            code if THREE_DECIMALS.contains(code) => 3,
            _ => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let bytes: [u8; 3] = text.as_bytes().try_into().map_err(|_| AmountError::UnknownCurrency)?;
        // Each code has three letters, and a blank behind it.
        let known = |list: &str| list.as_bytes().chunks(4).any(|code| code[..3] == bytes);
        if known(NO_DECIMALS) || known(TWO_DECIMALS) || known(THREE_DECIMALS) {
            Ok(Currency(bytes))
        } else {
            Err(AmountError::UnknownCurrency)
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl TypedData for Currency {
    fn data_type() -> DataType {
        DataType::String
    }
}

/// Why a number is no amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("is not a decimal number")]
    NotANumber,
    #[error("is too large")]
    TooLarge,
    #[error("has more decimals than its currency")]
    TooManyDecimals,
    #[error("is negative")]
    Negative,
    #[error("is not an ISO 4217 currency code")]
    UnknownCurrency,
}

/// An exact decimal number, as amounts of money travel. It is read from the digits of the JSON text, never through a
/// binary float, so `0.10` is ten cents and `0.1000000000000000001` is an error.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    digits: i64,
    decimals: u32,
}

impl Amount {
    /// Whether it is more than nothing.
    pub const fn is_positive(self) -> bool {
        self.digits > 0
    }
}

/// More decimals than any currency has; a longer fraction is refused before it can overflow.
const MAX_DECIMALS: u32 = 6;

impl FromStr for Amount {
    type Err = AmountError;

    /// Reads `12`, `12.9`, `-0.50`. No exponent, no leading `+`, no bare point.
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || unsigned.ends_with('.') {
            return Err(AmountError::NotANumber);
        }
        let decimals = u32::try_from(fraction.len()).map_err(|_| AmountError::TooManyDecimals)?;
        if decimals > MAX_DECIMALS {
            return Err(AmountError::TooManyDecimals);
        }
        let digits: i64 = format!("{whole}{fraction}").parse().map_err(|_| AmountError::TooLarge)?;
        Ok(Amount { digits: if negative { -digits } else { digits }, decimals })
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let unit = 10u64.pow(self.decimals);
        let (whole, fraction) = (self.digits.unsigned_abs() / unit, self.digits.unsigned_abs() % unit);
        match self.decimals {
            0 => write!(f, "{sign}{whole}"),
            width => write!(f, "{sign}{whole}.{fraction:0width$}", width = width as usize),
        }
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        raw.get().parse().map_err(|error: AmountError| de::Error::custom(format!("the amount {error}")))
    }
}

impl TypedData for Amount {
    fn data_type() -> DataType {
        DataType::Number
    }
}

/// An amount of money: whole minor units of a currency. Never a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

impl Money {
    /// Reads a price: not negative, no more decimals than the currency has, at most
    /// [`MAX_PRICE_MINOR`](crate::limits::MAX_PRICE_MINOR) minor units.
    pub fn price(amount: Amount, currency: Currency) -> Result<Money, AmountError> {
        Money::up_to(crate::limits::MAX_PRICE_MINOR, amount, currency)
    }

    /// Reads what a whole order costs: as a price, up to [`MAX_TOTAL_MINOR`](crate::limits::MAX_TOTAL_MINOR).
    pub fn total(amount: Amount, currency: Currency) -> Result<Money, AmountError> {
        Money::up_to(crate::limits::MAX_TOTAL_MINOR, amount, currency)
    }

    /// No money at all.
    pub const fn zero(currency: Currency) -> Money {
        Money { minor: 0, currency }
    }

    fn up_to(max_minor: i64, amount: Amount, currency: Currency) -> Result<Money, AmountError> {
        if amount.digits < 0 {
            return Err(AmountError::Negative);
        }
        let decimals = currency.decimals();
        let minor = if amount.decimals <= decimals {
            amount.digits.checked_mul(10i64.pow(decimals - amount.decimals)).ok_or(AmountError::TooLarge)?
        } else {
            let surplus = 10i64.pow(amount.decimals - decimals);
            // 12.990 is 12.99; 12.991 is an amount that the currency cannot hold.
            if amount.digits % surplus != 0 {
                return Err(AmountError::TooManyDecimals);
            }
            amount.digits / surplus
        };
        if minor > max_minor {
            return Err(AmountError::TooLarge);
        }
        Ok(Money { minor, currency })
    }

    /// This price for `copies` copies; none where it overflows.
    pub fn times(self, copies: i64) -> Option<Money> {
        Some(Money { minor: self.minor.checked_mul(copies)?, currency: self.currency })
    }

    /// The decimal number that travels.
    pub fn amount(self) -> Amount {
        Amount { digits: self.minor, decimals: self.currency.decimals() }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd(text: &str) -> Result<i64, AmountError> {
        Money::price(text.parse()?, Currency::USD).map(|money| money.minor)
    }

    #[test]
    fn a_currency_is_a_code_of_the_list_and_nothing_else() {
        for list in [NO_DECIMALS, TWO_DECIMALS, THREE_DECIMALS] {
            for code in list.split(' ') {
                assert_eq!(code.parse::<Currency>().map(|currency| currency.to_string()).as_deref(), Ok(code));
            }
        }
        for text in ["", "usd", "US", "USDX", "AE ", " AE", "D A", "XXX", "\u{20ac}"] {
            assert_eq!(text.parse::<Currency>(), Err(AmountError::UnknownCurrency), "{text:?}");
        }
    }

    #[test]
    fn a_price_is_read_to_the_cent() {
        assert_eq!(usd("12.99"), Ok(1299));
        assert_eq!(usd("9.5"), Ok(950));
        assert_eq!(usd("12.990"), Ok(1299));
        assert_eq!(usd("0"), Ok(0));
    }

    #[test]
    fn a_price_that_the_currency_cannot_hold_is_refused() {
        assert_eq!(usd("12.991"), Err(AmountError::TooManyDecimals));
        assert_eq!(usd("0.1000000000000000001"), Err(AmountError::TooManyDecimals));
        assert_eq!(usd("-1"), Err(AmountError::Negative));
        assert_eq!(usd("10000000000.00"), Err(AmountError::TooLarge));
        assert_eq!(usd("99999999999999999999"), Err(AmountError::TooLarge));
        for text in ["", ".", "1.", ".5", "1e3", "+1", "1,5", "NaN", "--1", "\"1\""] {
            assert_eq!(usd(text), Err(AmountError::NotANumber), "{text}");
        }
        let yen: Currency = "JPY".parse().expect("JPY is a currency");
        assert_eq!(Money::price("1.5".parse().expect("a number"), yen), Err(AmountError::TooManyDecimals));
    }

    #[test]
    fn only_iso_codes_are_currencies() {
        assert!("EUR".parse::<Currency>().is_ok());
        for text in ["eur", "EURO", "XYZ", "", "E R"] {
            assert_eq!(text.parse::<Currency>(), Err(AmountError::UnknownCurrency), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_survives_the_wire_digit_for_digit(minor in 0..=crate::limits::MAX_PRICE_MINOR) {
            let money = Money { minor, currency: Currency::USD };
            let json = serde_json::to_string(&money.amount()).expect("amounts serialise");
            let read: Amount = serde_json::from_str(&json).expect("amounts are read back");
            prop_assert_eq!(Money::price(read, Currency::USD), Ok(money));
            // A reader that uses 64-bit floats sees the same cents.
            let float: f64 = json.parse().expect("a JSON number is a float");
            let shortest = format!("{float}");
            prop_assert_eq!(usd(&shortest), Ok(minor));
        }
    }
}
