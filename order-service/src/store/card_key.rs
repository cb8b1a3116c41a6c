use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::Secret;

/// The key of the code by which a card enters a fingerprint: the one that is kept, or this one from now on.
pub fn find_or_keep(tx: &mut Tx<'_>, fresh: &Secret) -> Result<Secret, DbError> {
    tx.execute(
        "insert into card_key (card_key_id, secret) values (1, $1) on conflict do nothing",
        &params![fresh.expose()],
    )?;
    let kept = tx.query_one("select secret from card_key where card_key_id = 1", &[])?;
    kept.get::<String>("secret").map(Secret::new)
}
