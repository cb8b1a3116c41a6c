use service_kit::Outcome;
use shared_types::{
    Code, Problem,
    payments::{Card, CardToken},
};

use super::Shop;

/// Exchanges a card for the token of whoever takes cards now, before anything is written: a card is never stored. A card
/// that he does not take is declined.
pub(super) async fn token(shop: &Shop, card: &Card) -> Result<CardToken, Problem> {
    match shop.providers.cards().tokenize(card).await {
        Outcome::Done(view) => Ok(view.token),
        Outcome::Refused(problem) => {
            Err(Problem::new(Code::PaymentFailed, format!("the card was not accepted: {}", problem.detail)))
        }
        Outcome::Unknown(no_answer) => {
            tracing::warn!(%no_answer, "a card could not be exchanged");
            Err(Problem::new(Code::Unavailable, "the payment provider does not answer; nothing was ordered"))
        }
    }
}
