use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use service_kit::{
    Clock,
    auth::{
        Caller, Claims, Expected, Issuer, KeySet, KeySource, LEEWAY_S, MAX_TOKEN_LIFETIME_S, MintError,
        PUBLISHED_AFTER_S, PUBLISHED_AHEAD_S, SIGNS_FOR_S, Service, TokenError, Verifier, Who,
    },
    db::{Db, DbError, DbOptions, Tx},
    testing::TestDatabase,
};

use crate::forge::{ACCOUNT, good};

const SKEW_S: i64 = 5 * 60;

pub async fn database(name: &str) -> (TestDatabase, Db) {
    let database = TestDatabase::create(name).await;
    let db = Db::open(database.url(), DbOptions::default(), &[]).await.unwrap();
    (database, db)
}

pub async fn gateway(db: &Db, offset_s: i64) -> Issuer {
    Issuer::open(Service::Gateway, db.clone(), Clock::shifted(offset_s * 1_000)).await.unwrap()
}

pub fn claims(aud: Service) -> Claims {
    let caller = Caller::first_hand(Who::Customer(ACCOUNT.parse().unwrap()));
    Claims { caller, aud, lifetime: Duration::from_secs(300) }
}

fn verifier(issuer: &Issuer, offset_s: i64) -> Verifier {
    Verifier::new(Clock::shifted(offset_s * 1_000)).trust(issuer.service(), KeySource::of(issuer))
}

const AT_CATALOG: Expected<'static> = Expected::access(Service::Catalog);

fn kids(issuer: &Issuer) -> Vec<String> {
    issuer.jwks().keys.into_iter().map(|key| key.kid).collect()
}

fn kid_of(token: &str) -> String {
    use base64::Engine;
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minted_token_says_what_was_asked_and_is_believed_where_it_is_for() {
    let (_database, db) = database("mint").await;
    let issuer = gateway(&db, 0).await;
    let mut asked = claims(Service::Catalog);
    asked.caller.act = Some(Service::Gateway);
    asked.caller.client_id = Some("app".into());
    let token = issuer.mint(&asked).unwrap();
    assert_eq!(verifier(&issuer, 0).verify(token.secret(), &AT_CATALOG).await, Ok(asked.caller.clone()));
    assert!(!format!("{token:?}").contains(token.secret()));
    // The same wish twice is two tokens.
    assert_ne!(issuer.mint(&asked).unwrap().secret(), token.secret());
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_minted_for_more_than_ten_minutes() {
    let (_database, db) = database("lifetime").await;
    let issuer = gateway(&db, 0).await;
    let mint = |lifetime| issuer.mint(&Claims { lifetime, ..claims(Service::Catalog) });
    let longest = Duration::from_secs(MAX_TOKEN_LIFETIME_S.unsigned_abs());
    assert!(verifier(&issuer, 0).verify(mint(longest).unwrap().secret(), &AT_CATALOG).await.is_ok());
    for wrong in [Duration::ZERO, Duration::from_millis(1_500), longest + Duration::from_secs(1), Duration::MAX] {
        assert_eq!(mint(wrong), Err(MintError::Lifetime), "{wrong:?}");
    }
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_survive_a_restart() {
    let (database, db) = database("restart").await;
    let token = gateway(&db, 0).await.mint(&claims(Service::Catalog)).unwrap();
    db.close().await;
    let db = Db::open(database.url(), DbOptions::default(), &[]).await.unwrap();
    let issuer = gateway(&db, 0).await;
    assert!(verifier(&issuer, 0).verify(token.secret(), &AT_CATALOG).await.is_ok());
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_at_once_share_one_key() {
    let (_database, db) = database("replicas").await;
    let replicas = join_all((0..16).map(|skew| gateway(&db, skew))).await;
    let first = kids(&replicas[0]);
    assert_eq!(first.len(), 1);
    let token = replicas[3].mint(&claims(Service::Catalog)).unwrap();
    for replica in &replicas {
        assert_eq!(kids(replica), first);
        assert!(verifier(replica, 8).verify(token.secret(), &AT_CATALOG).await.is_ok());
    }
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_rotate_at_once_make_one_key() {
    let (_database, db) = database("rotate_at_once").await;
    let replicas = join_all((0..8).map(|_| gateway(&db, SIGNS_FOR_S - PUBLISHED_AHEAD_S))).await;
    assert!(replicas.iter().all(|replica| kids(replica).len() == 1));
    let later = join_all((0..8).map(|_| gateway(&db, 2 * (SIGNS_FOR_S - PUBLISHED_AHEAD_S) + SKEW_S))).await;
    let stored = db.read(|tx: &mut Tx<'_>| tx.query_one("select count(*) as n from signing_key", &[])?.get::<i64>("n"));
    assert_eq!(stored.await.map_err(|error: DbError| error.to_string()), Ok(2));
    assert!(later.iter().all(|replica| kids(replica) == kids(&later[0]) && kids(replica).len() == 2));
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_published_before_it_signs_and_the_old_one_until_its_tokens_have_expired() {
    let (_database, db) = database("overlap").await;
    let first = gateway(&db, 0).await;
    let old_kid = kids(&first)[0].clone();
    // The first key was backdated by the skew that clocks may have.
    let retires_s = SIGNS_FOR_S - SKEW_S;

    let ahead_s = retires_s - PUBLISHED_AHEAD_S + 60;
    let published = gateway(&db, ahead_s).await;
    assert_eq!(kids(&published).len(), 2);
    assert_eq!(kid_of(published.mint(&claims(Service::Catalog)).unwrap().secret()), old_kid);

    // A verifier that fetched the keys now has all that it needs until long after the change.
    let fetched = || KeySource::fixed(KeySet::read(&published.jwks()).unwrap());
    let last_of_old = gateway(&db, retires_s - 60).await.mint(&claims(Service::Catalog)).unwrap();
    let after = gateway(&db, retires_s + 60).await;
    let first_of_new = after.mint(&claims(Service::Catalog)).unwrap();
    assert_eq!(kid_of(last_of_old.secret()), old_kid);
    assert_ne!(kid_of(first_of_new.secret()), old_kid);
    let fetching = Verifier::new(Clock::shifted((retires_s + 60) * 1_000)).trust(Service::Gateway, fetched());
    for token in [&last_of_old, &first_of_new] {
        assert!(fetching.verify(token.secret(), &AT_CATALOG).await.is_ok());
        assert!(verifier(&after, retires_s + 60).verify(token.secret(), &AT_CATALOG).await.is_ok());
    }

    let still_s = retires_s + MAX_TOKEN_LIFETIME_S + LEEWAY_S;
    assert!(kids(&gateway(&db, still_s).await).contains(&old_kid));
    let gone_s = retires_s + PUBLISHED_AFTER_S + 60;
    let gone = gateway(&db, gone_s).await;
    assert_eq!(kids(&gone).len(), 1);
    assert_eq!(verifier(&gone, gone_s).verify(last_of_old.secret(), &AT_CATALOG).await, Err(TokenError::Key));
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_beside_its_issuer_follows_the_rotation() {
    let (_database, db) = database("beside").await;
    let issuer = gateway(&db, 0).await;
    let beside = verifier(&issuer, 0);
    assert!(beside.verify(issuer.mint(&claims(Service::Catalog)).unwrap().secret(), &AT_CATALOG).await.is_ok());
    // Somebody else's key, under a name that it does not have.
    let mut forged = good();
    forged.header["kid"] = json!(kids(&issuer)[0]);
    assert_eq!(beside.verify(&forged.signed(), &AT_CATALOG).await, Err(TokenError::Signature));
    db.close().await;
}
