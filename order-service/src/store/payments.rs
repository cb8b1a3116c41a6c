use service_kit::{
    db::{DbError, Row, Tx},
    params,
};
use shared_types::{Currency, Money, orders::PaymentAttemptState};

use super::text::{count, maybe_named, name, named, parsed};
use crate::domain::{Attempt, Order};

/// Writes the attempts to pay that are not what they were before. None is ever removed.
pub(super) fn write(tx: &mut Tx<'_>, before: &[Attempt], order: &Order) -> Result<(), DbError> {
    // Those that pay come last: `payment_succeeded_key` is checked row by row.
    let changed = |attempt: &&Attempt| !before.contains(attempt);
    let (succeeded, others): (Vec<&Attempt>, Vec<&Attempt>) =
        order.payments.iter().filter(changed).partition(|attempt| attempt.state == PaymentAttemptState::Succeeded);
    for attempt in others.into_iter().chain(succeeded) {
        tx.execute(
            "insert into payment (order_id, n, method, amount_minor, token, provider_ref, state, reason, provider) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             on conflict (order_id, n) do update set amount_minor = excluded.amount_minor, token = excluded.token, \
                    provider_ref = excluded.provider_ref, state = excluded.state, reason = excluded.reason",
            &params![
                order.id.to_string(),
                attempt.n,
                name(&attempt.method),
                attempt.amount.minor,
                attempt.token.as_ref().map(|token| token.expose().to_owned()),
                attempt.provider_ref.clone(),
                name(&attempt.state),
                attempt.reason.clone(),
                attempt.provider.map(|provider| name(&provider)),
            ],
        )?;
    }
    Ok(())
}

pub(super) fn read(row: &Row, currency: Currency) -> Result<Attempt, DbError> {
    Ok(Attempt {
        n: count(row, "n")?,
        method: named(row, "method")?,
        amount: Money { minor: row.get("amount_minor")?, currency },
        token: parsed(row, "token")?,
        provider: maybe_named(row, "provider")?,
        provider_ref: row.get("provider_ref")?,
        state: named(row, "state")?,
        reason: row.get("reason")?,
    })
}
