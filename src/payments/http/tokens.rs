use paperclip::actix::{api_v2_operation, web};
use rand::Rng;
use service_kit::{
    auth::Public,
    http::{Body, Fail, Reply, S201, S422},
};
use shared_types::{
    FieldErrors, Problem,
    payments::{Card, CardToken, TokenView},
};

use super::Bank;
use crate::payments::domain::{Behaviour, card::brand};

/// Exchanges a card for a token.
///
/// Of the card only its brand, its last four digits and what it does are kept.
#[api_v2_operation(tags(tokens))]
pub(super) async fn create(
    _: Public,
    bank: web::Data<Bank>,
    body: Body<Card>,
) -> Result<Reply<TokenView, (S201,)>, Fail<(S422,)>> {
    let mut errors = FieldErrors::default();
    body.0.check("", &mut errors);
    errors.none().map_err(Problem::invalid_fields)?;
    let digits = body.0.digits();
    let last4 = digits[digits.len() - 4..].to_owned();
    let view = TokenView { token: fresh(), brand: brand(&digits).to_owned(), last4 };
    let view = bank.store.keep_token(view, Behaviour::of(&digits)).await.map_err(Problem::from)?;
    Ok(Reply::with_status(201, view))
}

/// Nobody guesses 128 bits.
fn fresh() -> CardToken {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("tok_{text}").parse().expect("BUG: hexadecimal digits are visible ASCII")
}
