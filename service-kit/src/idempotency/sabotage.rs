//! A key that is kept beside its effect and not with it, as in shops that charge twice. Reached only where a test asks for
//! it, to show that the tests notice; a release build has no way to get here.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use shared_types::Timestamp;

use super::{Answer, KeyedRequest, Refusal, again, json, store};
use crate::db::{Db, Tx};

/// Looks for the key, makes the effect, and keeps the answer: three transactions.
pub(super) async fn key_after_effect<T, E, W>(
    db: &Db,
    request: Arc<KeyedRequest>,
    at: Timestamp,
    effect: W,
) -> Result<T, E>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    E: Refusal,
    W: Fn(&mut Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
{
    let asked = Arc::clone(&request);
    if let Some(found) = db.read::<_, E, _>(move |tx| Ok(store::find(tx, &asked)?)).await? {
        return again(&found, &request);
    }
    let done = db.write(effect).await?;
    let answer = json(&Answer::Done(&done));
    let keep = move |tx: &mut Tx<'_>| match store::claim(tx, &request, at)? {
        Some(_) => Ok(()),
        None => Ok(store::keep(tx, &request, &answer)?),
    };
    db.write::<_, E, _>(keep).await?;
    Ok(done)
}
