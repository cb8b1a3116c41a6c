//! A server that goes and comes back, and the way to it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use service_kit::db::{DatabaseUrl, Db, DbError, DbOptions, Engine, OpenError, Tx};
use service_kit::testing::{PostgresServer, TestDatabase, eventually};

use crate::shelf::{MIGRATIONS, books, put_book};

/// A server of the test's own. Without Postgres there is nothing to show.
async fn server(settings: &'static str, files: Vec<(&'static str, String)>) -> Option<Arc<PostgresServer>> {
    if TestDatabase::engine() != Engine::Postgres {
        return None;
    }
    let start = move || {
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        PostgresServer::start(settings, &files)
    };
    Some(Arc::new(tokio::task::spawn_blocking(start).await.unwrap()))
}

async fn told(server: &Arc<PostgresServer>, order: fn(&PostgresServer)) {
    let server = Arc::clone(server);
    tokio::task::spawn_blocking(move || order(&server)).await.unwrap();
}

async fn fresh(server: &Arc<PostgresServer>, name: &'static str) -> DatabaseUrl {
    let server = Arc::clone(server);
    tokio::task::spawn_blocking(move || server.create(name)).await.unwrap()
}

fn with(url: &str, query: &str) -> DatabaseUrl {
    format!("{url}?{query}").parse().unwrap()
}

/// Writes one book after the other until told to stop; those that were acknowledged.
async fn write_on(db: Db, first: i64, stop: Arc<AtomicBool>, acknowledged: Arc<Mutex<BTreeSet<i64>>>) {
    for book_id in first.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        match db.write(move |tx| put_book(tx, book_id, 1)).await {
            Ok(_) => {
                acknowledged.lock().unwrap().insert(book_id);
            }
            // Unknown or not begun: the next one is another book, so what became of this one shows in the end.
            Err(DbError::Unavailable(_) | DbError::Overloaded) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_load_and_comes_back_loses_nothing_acknowledged() {
    let Some(server) = server("", Vec::new()).await else { return };
    let url = fresh(&server, "restarts").await;
    let db = Db::open(&url, DbOptions::default(), MIGRATIONS).await.unwrap();
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(BTreeSet::new())));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        writers.spawn(write_on(db.clone(), writer * 1_000_000, Arc::clone(&stop), Arc::clone(&acknowledged)));
    }
    let how_many = || acknowledged.lock().unwrap().len();
    for _ in 0..3 {
        let before = how_many();
        eventually("the shop writes", async || how_many() > before + 200).await;
        told(&server, PostgresServer::kill).await;
        told(&server, PostgresServer::start_again).await;
    }
    let before = how_many();
    eventually("the shop writes again", async || how_many() > before + 200).await;
    stop.store(true, Ordering::SeqCst);
    writers.join_all().await;
    let stored: Result<BTreeSet<i64>, DbError> = db
        .read(|tx: &mut Tx<'_>| {
            tx.query("select book_id from book", &[])?.iter().map(|row| row.get("book_id")).collect()
        })
        .await;
    let lost: Vec<i64> = acknowledged.lock().unwrap().difference(&stored.unwrap()).copied().collect();
    assert!(lost.is_empty(), "acknowledged and gone: {lost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_its_server_but_not_for_ever() {
    let Some(server) = server("", Vec::new()).await else { return };
    let url = fresh(&server, "late").await.expose();
    told(&server, PostgresServer::kill).await;
    let Err(refused) = Db::open(&with(&url, "start_wait_ms=150"), DbOptions::default(), MIGRATIONS).await else {
        panic!("opened")
    };
    assert!(matches!(refused, OpenError::Unavailable(_)), "{refused}");
    assert!(refused.to_string().contains("not there within 150ms"), "{refused}");

    let waiting = url.clone();
    let opening = tokio::spawn(async move { Db::open(&with(&waiting, ""), DbOptions::default(), MIGRATIONS).await });
    told(&server, PostgresServer::start_again).await;
    assert_eq!(books(&opening.await.unwrap().unwrap()).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_is_not_waited_for() {
    let Some(server) = server("", Vec::new()).await else { return };
    let began = Instant::now();
    let nowhere = server.address("no_such_database").parse().unwrap();
    let Err(refused) = Db::open(&nowhere, DbOptions::default(), MIGRATIONS).await else { panic!("opened") };
    assert!(matches!(refused, OpenError::Refused(_)), "{refused}");
    assert!(began.elapsed().as_millis() < u128::from(DbOptions::default().start_wait_ms), "it waited");
}

/// Somebody who signs certificates.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

async fn encrypted(url: &str, query: &str) -> Result<bool, OpenError> {
    let db = Db::open(&with(url, query), DbOptions::default(), MIGRATIONS).await?;
    let ask = |tx: &mut Tx<'_>| {
        tx.query_one("select ssl from pg_stat_ssl where pid = pg_backend_pid()", &[])?.get::<bool>("ssl")
    };
    Ok(db.read::<_, DbError, _>(ask).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_connection_ends_where_the_address_says_or_not_at_all() {
    let (ours, others) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let signed = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
    let files = vec![("server.crt", signed.pem()), ("server.key", key.serialize_pem())];
    let settings = "-c ssl=on -c ssl_cert_file=../server.crt -c ssl_key_file=../server.key";
    let Some(server) = server(settings, files).await else { return };
    let by_number = fresh(&server, "encrypted").await.expose();
    let by_name = by_number.replace("127.0.0.1", "localhost");
    let folder = tempfile::tempdir().unwrap();
    let root = |name: &str, pem: String| {
        let file = folder.path().join(name);
        std::fs::write(&file, pem).unwrap();
        format!("sslrootcert={}", file.display())
    };
    let (ours, others) = (root("ours.pem", ours.pem()), root("others.pem", others.pem()));

    assert!(!encrypted(&by_number, "sslmode=disable").await.unwrap());
    for trusted in ["sslmode=prefer", "sslmode=require", &format!("sslmode=verify-ca&{ours}")] {
        assert!(encrypted(&by_number, trusted).await.unwrap(), "{trusted}");
    }
    assert!(encrypted(&by_name, &format!("sslmode=verify-full&{ours}")).await.unwrap());
    for (url, query) in [
        (&by_number, format!("sslmode=verify-full&{ours}")), // The certificate names another host.
        (&by_name, format!("sslmode=verify-full&{others}")),
        (&by_number, format!("sslmode=verify-ca&{others}")),
        (&by_number, format!("sslmode=require&{others}")),
        (&by_number, "sslmode=verify-ca&sslrootcert=/nowhere.pem".to_owned()),
    ] {
        let refused = encrypted(url, &query).await;
        assert!(matches!(refused, Err(OpenError::Refused(_))), "{query}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_certificates_is_not_spoken_to_where_encryption_is_required() {
    let Some(server) = server("", Vec::new()).await else { return };
    let url = fresh(&server, "plain").await.expose();
    assert!(!encrypted(&url, "sslmode=prefer").await.unwrap());
    let refused = encrypted(&url, "sslmode=require").await;
    assert!(matches!(refused, Err(OpenError::Refused(_))), "{refused:?}");
}
