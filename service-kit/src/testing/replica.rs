use crate::{
    Clock,
    auth::{Caller, Issuer, Service},
    db::{DatabaseUrl, Db, DbError, DbOptions, Row, Tx},
    params,
};

use super::issuer::mint;

/// Issues as a service that runs does, with the keys in its database: whatever can be said in its name is said to its
/// neighbours, and nobody has to break into it.
pub struct ReplicaIssuer(Issuer);

type Key = (i64, String, Vec<u8>, Vec<u8>, i64, i64, i64);

impl ReplicaIssuer {
    /// Reads the keys of the service whose database this is.
    pub async fn of(service: Service, database: &DatabaseUrl) -> ReplicaIssuer {
        ReplicaIssuer::shifted(service, database, 0).await
    }

    /// As [`of`](Self::of), with a clock that is behind by so many milliseconds: it says today what was said then.
    pub async fn of_the_past(service: Service, database: &DatabaseUrl, behind_ms: i64) -> ReplicaIssuer {
        ReplicaIssuer::shifted(service, database, -behind_ms).await
    }

    async fn shifted(service: Service, database: &DatabaseUrl, offset_ms: i64) -> ReplicaIssuer {
        let theirs = Db::open_read_only(database).await.expect("the service's database");
        let keys: Vec<Key> = theirs.read(keys).await.expect("its signing keys");
        theirs.close().await;
        let folder = tempfile::Builder::new().prefix("lastcopy-replica-").tempdir().expect("a temporary folder");
        let url = DatabaseUrl::sqlite(folder.path().join("keys.db"));
        let ours = Db::open(&url, DbOptions::default(), &[]).await.expect("a database");
        let copied = ours.write(move |tx| copy(tx, &keys, offset_ms)).await;
        copied.expect("its keys, copied");
        let issuer = Issuer::open(service, ours.clone(), Clock::shifted(offset_ms)).await.expect("signing keys");
        ours.close().await;
        ReplicaIssuer(issuer)
    }

    /// The `Authorization` header of a call to `aud` that this caller makes through the service.
    pub fn bearer(&self, caller: &Caller, aud: Service) -> String {
        format!("Bearer {}", mint(&self.0, caller, aud).expect("a token").secret())
    }

    /// The issuer itself, for tokens that nobody should believe.
    pub fn issuer(&self) -> &Issuer {
        &self.0
    }
}

fn keys(tx: &mut Tx<'_>) -> Result<Vec<Key>, DbError> {
    let rows = tx.query("select * from signing_key order by generation", &params![])?;
    let key = |row: &Row| {
        Ok((
            row.get("generation")?,
            row.get("kid")?,
            row.get("private_key")?,
            row.get("public_key")?,
            row.get("created_us")?,
            row.get("activates_us")?,
            row.get("retires_us")?,
        ))
    };
    rows.iter().map(key).collect()
}

/// The keys as if they had been made so much earlier or later.
fn copy(tx: &mut Tx<'_>, keys: &[Key], offset_ms: i64) -> Result<(), DbError> {
    let shifted = |micros: i64| micros + 1_000 * offset_ms;
    for (generation, kid, private_key, public_key, created, activates, retires) in keys {
        tx.execute(
            "insert into signing_key (generation, kid, private_key, public_key, created_us, activates_us, retires_us)
             values ($1, $2, $3, $4, $5, $6, $7)",
            &params![
                *generation,
                kid,
                private_key.clone(),
                public_key.clone(),
                shifted(*created),
                shifted(*activates),
                shifted(*retires)
            ],
        )?;
    }
    Ok(())
}
