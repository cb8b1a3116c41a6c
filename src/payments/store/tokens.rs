use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::{
    Timestamp,
    payments::{CardToken, TokenView},
};

use super::ledger::decode;
use crate::payments::domain::Behaviour;

pub(super) fn insert(tx: &mut Tx<'_>, view: &TokenView, behaviour: Behaviour, now: Timestamp) -> Result<(), DbError> {
    let behaviour = serde_json::to_string(&behaviour).expect("BUG: a behaviour serialises");
    tx.execute(
        "insert into card_token (token, behaviour, brand, last4, created_at_us) values ($1, $2, $3, $4, $5)",
        &params![view.token.expose(), behaviour.trim_matches('"'), &view.brand, &view.last4, now.micros()],
    )
    .map(drop)
}

/// What the card behind a token does.
pub(super) fn behaviour(tx: &mut Tx<'_>, token: &CardToken) -> Result<Option<Behaviour>, DbError> {
    let row = tx.query_opt("select behaviour from card_token where token = $1", &params![token.expose()])?;
    row.map(|row| read(&row.get::<String>("behaviour")?)).transpose()
}

pub(super) fn read(text: &str) -> Result<Behaviour, DbError> {
    serde_json::from_str(&format!("\"{text}\"")).map_err(|error| decode("behaviour", &error))
}
