use serde::{Deserialize, Serialize};

/// What a card does when it is charged. Only this is kept of a card, under its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Charged at once.
    Approved,
    /// Refused.
    Declined,
    /// Refused, because there is not enough on the account.
    InsufficientFunds,
    /// Charged, and the answer takes longer than a buyer waits.
    Slow,
    /// Charged, and the first answer never comes.
    SilentAfterCharge,
    /// Charged, and the first answer says 500.
    ErrorAfterCharge,
    /// `processing` first, as with 3-D Secure; charged a moment later, told by webhook.
    ConfirmedLater,
    /// `processing` first; refused a moment later, told by webhook.
    RefusedLater,
    /// Charged, and told twice, as two events.
    ConfirmedTwice,
    /// Charged, and the webhooks come in the wrong order: `succeeded`, then `processing`.
    OutOfOrder,
    /// Charged, and the webhook arrives before the answer.
    WebhookFirst,
}

impl Behaviour {
    /// Every behaviour with the number of its card. Any other number is approved.
    pub const CARDS: [(&'static str, Behaviour); 11] = [
        ("4242424242424242", Behaviour::Approved),
        ("4000000000000002", Behaviour::Declined),
        ("4000000000009995", Behaviour::InsufficientFunds),
        ("4000000000000119", Behaviour::Slow),
        ("4000000000000259", Behaviour::SilentAfterCharge),
        ("4000000000000341", Behaviour::ErrorAfterCharge),
        ("4000002500003155", Behaviour::ConfirmedLater),
        ("4000008400001629", Behaviour::RefusedLater),
        ("4000000000000408", Behaviour::ConfirmedTwice),
        ("4000000000000507", Behaviour::OutOfOrder),
        ("4000000000000606", Behaviour::WebhookFirst),
    ];

    /// What the card with these digits does.
    pub fn of(digits: &str) -> Behaviour {
        let magic = Behaviour::CARDS.iter().find(|(number, _)| *number == digits);
        magic.map_or(Behaviour::Approved, |(_, behaviour)| *behaviour)
    }

    /// Why a charge is refused, for the cards that are.
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Behaviour::Declined | Behaviour::RefusedLater => Some("card_declined"),
            Behaviour::InsufficientFunds => Some("insufficient_funds"),
            Behaviour::Approved
            | Behaviour::Slow
            | Behaviour::SilentAfterCharge
            | Behaviour::ErrorAfterCharge
            | Behaviour::ConfirmedLater
            | Behaviour::ConfirmedTwice
            | Behaviour::OutOfOrder
            | Behaviour::WebhookFirst => None,
        }
    }

    /// Whether the bank decides only after the answer.
    pub const fn decides_later(self) -> bool {
        matches!(self, Behaviour::ConfirmedLater | Behaviour::RefusedLater)
    }
}

/// The brand of a card by its first digits, as far as a sandbox knows brands.
pub fn brand(digits: &str) -> &'static str {
    match digits.as_bytes() {
        [b'4', ..] => "visa",
        [b'5', b'1'..=b'5', ..] => "mastercard",
        [b'3', b'4' | b'7', ..] => "amex",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Luhn's check (ISO/IEC 7812-1): forms that check a number before it is sent let these pass.
    fn passes_luhn(digits: &str) -> bool {
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(at, byte)| match (at % 2, u32::from(byte - b'0')) {
                (0, digit) => digit,
                (_, digit) => digit * 2 / 10 + digit * 2 % 10,
            })
            .sum();
        sum.is_multiple_of(10)
    }

    #[test]
    fn every_magic_number_would_pass_for_a_card_and_does_its_own_thing() {
        for (number, behaviour) in Behaviour::CARDS {
            assert!(passes_luhn(number), "{number}");
            assert_eq!(Behaviour::of(number), behaviour);
            assert_eq!(brand(number), "visa");
        }
        assert_eq!(Behaviour::of("5555555555554444"), Behaviour::Approved);
    }

    #[test]
    fn a_brand_is_known_by_the_first_digits() {
        for (brand_name, beginnings) in [
            ("visa", &["4", "42"][..]),
            ("mastercard", &["51", "53", "55"]),
            ("amex", &["34", "37"]),
            ("unknown", &["", "5", "50", "56", "3", "35", "30", "38", "6"]),
        ] {
            for beginning in beginnings {
                assert_eq!(brand(beginning), brand_name, "{beginning}");
            }
        }
    }
}
