//! Several gateways share a Redis, which is there, gone, silent or emptied. They need `redis-server`, which is not
//! everywhere, so they are run by `scripts/test`, or with `cargo test --test api -- --ignored shared::`.

use std::time::{Duration, Instant};

use gateway_service::SharedConfig;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use service_kit::testing::{RedisServer, eventually};
use shared_types::Secret;

use crate::shelf::{Shelf, Wish, changed};

/// Nothing is dropped by time in a test of what drops it.
const FOR_EVER_S: u64 = 3_600;
/// A busy machine answers within this time.
const PATIENT_MS: u64 = 20_000;

fn wish(redis: &RedisServer, redis_timeout_ms: u64) -> Wish {
    let shared =
        SharedConfig { redis_url: Some(Secret::new(redis.url())), redis_timeout_ms, ..SharedConfig::default() };
    Wish { gateways: 2, cache_ttl_s: FOR_EVER_S, rate_per_address: 0, shared }
}

async fn two_gateways(redis: &RedisServer) -> Shelf {
    Shelf::open_as(&wish(redis, PATIENT_MS)).await
}

/// Parts that a gateway goes on without.
async fn degraded(shelf: &Shelf, gateway: usize) -> Vec<Value> {
    let (_, ready) = shelf.get_at(gateway, "/health/ready").await;
    // The fake catalog keeps no orders, so the gateway may say that it is not ready; Redis is never the reason.
    assert!(!ready["detail"].as_str().unwrap_or_default().contains("redis"), "{ready}");
    ready["degraded"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server; `scripts/test` runs it"]
async fn what_one_gateway_has_asked_no_other_asks_again() {
    let redis = RedisServer::start();
    let shelf = two_gateways(&redis).await;
    assert_eq!((shelf.read_at(0).await, shelf.read_at(1).await, shelf.read_at(0).await), (1, 1, 1));
    assert_eq!(shelf.asked(), 1);
    assert_eq!(degraded(&shelf, 0).await, Vec::<Value>::new());
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server; `scripts/test` runs it"]
async fn a_writer_never_sees_his_own_old_value_whichever_gateway_he_is_sent_to() {
    let redis = RedisServer::start();
    let shelf = two_gateways(&redis).await;
    for version in 1..=20 {
        assert_eq!((shelf.read_at(0).await, shelf.read_at(1).await), (version, version));
        // No event is told: all that the other gateway can know is what they share.
        shelf.change_at(usize::try_from(version % 2).unwrap()).await;
    }
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server; `scripts/test` runs it"]
async fn a_read_that_began_before_a_change_at_another_gateway_is_not_kept_after_it() {
    let redis = RedisServer::start();
    let shelf = two_gateways(&redis).await;
    shelf.hold();
    let early = shelf.start_reading_at(0);
    eventually("the read has seen the first version", async || shelf.asked() == 1).await;
    shelf.change_at(1).await;
    shelf.release();
    assert_eq!(early.await.unwrap(), 1, "it began before the change, and may say so");
    assert_eq!((shelf.read_at(0).await, shelf.read_at(1).await), (2, 2), "what was read before the change was kept");
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server; `scripts/test` runs it"]
async fn who_comes_after_a_change_at_another_gateway_does_not_join_a_read_from_before_it() {
    let redis = RedisServer::start();
    let shelf = two_gateways(&redis).await;
    shelf.hold();
    let early = shelf.start_reading_at(0);
    eventually("the read has seen the first version", async || shelf.asked() == 1).await;
    shelf.change_at(1).await;
    let late = shelf.start_reading_at(0);
    shelf.release();
    assert_eq!((early.await.unwrap(), late.await.unwrap()), (1, 2));
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server; `scripts/test` runs it"]
async fn a_redis_that_is_emptied_in_mid_read_does_not_keep_what_was_read_before_a_change() {
    let redis = RedisServer::start();
    let shelf = two_gateways(&redis).await;
    shelf.hold();
    // So that an early read is known since a count that is reached again only later.
    for version in 1..=5 {
        shelf.tell_at(1, &changed(2, version)).await;
    }
    let early = shelf.start_reading_at(0);
    eventually("the read has seen the first version", async || shelf.asked() == 1).await;
    shelf.change_at(1).await;
    redis.flush();
    shelf.tell_at(1, &changed(2, 6)).await;
    shelf.release();
    assert_eq!(early.await.unwrap(), 1);
    assert_eq!((shelf.read_at(1).await, shelf.read_at(0).await), (2, 2), "the flush has made an old read new");
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server; `scripts/test` runs it"]
async fn while_redis_is_gone_each_gateway_goes_on_alone_and_it_is_shared_again_when_it_is_back() {
    let redis = RedisServer::start();
    let shelf = two_gateways(&redis).await;
    assert_eq!((shelf.read_at(0).await, shelf.read_at(1).await), (1, 1));
    redis.kill();
    shelf.change_at(0).await;
    // The other one is told by the catalog, as without a Redis.
    shelf.tell_at(1, &changed(1, 2)).await;
    assert_eq!((shelf.read_at(0).await, shelf.read_at(1).await), (2, 2));
    assert_eq!(degraded(&shelf, 0).await[0]["field"], "redis");
    redis.start_again();
    for gateway in [0, 1] {
        eventually("Redis is shared again", async || degraded(&shelf, gateway).await.is_empty()).await;
    }
    shelf.change_at(0).await;
    assert_eq!((shelf.read_at(1).await, shelf.read_at(0).await), (3, 3));
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server; `scripts/test` runs it"]
async fn what_changed_while_redis_was_silent_is_not_served_when_it_speaks_again() {
    let redis = RedisServer::start();
    let shelf = Shelf::open_as(&wish(&redis, 200)).await;
    assert_eq!((shelf.read_at(0).await, shelf.read_at(1).await), (1, 1));
    redis.pause();
    // Neither of them can drop what Redis keeps of the first version.
    shelf.change_at(0).await;
    shelf.tell_at(1, &changed(1, 2)).await;
    assert_eq!((shelf.read_at(0).await, shelf.read_at(1).await), (2, 2));
    redis.resume();
    for gateway in [0, 1] {
        eventually("Redis is shared again", async || {
            assert_eq!(shelf.read_at(gateway).await, 2, "what Redis kept from before its silence was served");
            degraded(&shelf, gateway).await.is_empty()
        })
        .await;
        assert_eq!(shelf.read_at(gateway).await, 2);
    }
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server; `scripts/test` runs it"]
async fn a_silent_redis_costs_one_late_answer_and_not_one_for_every_request() {
    const READS: u32 = 200;
    let (redis, patience_ms) = (RedisServer::start(), 250);
    let shelf = Shelf::open_as(&wish(&redis, patience_ms)).await;
    assert_eq!(shelf.read_at(0).await, 1);
    redis.pause();
    let began = Instant::now();
    for _ in 0..READS {
        assert_eq!(shelf.read_at(0).await, 1);
    }
    let took = began.elapsed();
    assert!(took < READS * Duration::from_millis(patience_ms) / 2, "{took:?}");
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server; `scripts/test` runs it"]
async fn a_rate_is_that_of_all_gateways_together_and_of_each_alone_while_redis_is_gone() {
    const RATE: u32 = 10;
    const BURST: usize = 20;
    let redis = RedisServer::start();
    let shelf = Shelf::open_as(&Wish { rate_per_address: RATE, ..wish(&redis, PATIENT_MS) }).await;
    let let_in = async || {
        let calls = (0..120).map(|call| shelf.get_at(call % 2, "/api/v1/books/1"));
        let answers = futures_util::future::join_all(calls).await;
        answers.iter().filter(|(status, _)| *status == 200).count()
    };
    let (began, first) = (Instant::now(), let_in().await);
    let more = usize::try_from(began.elapsed().as_millis()).unwrap() * 10 / 1_000 + 1;
    assert!((BURST..=BURST + more).contains(&first), "{first} of 120 in {:?}", began.elapsed());
    redis.kill();
    eventually("each lets in what it would let in alone", async || let_in().await > 0).await;
    shelf.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server; `scripts/test` runs it"]
async fn a_gateway_starts_without_its_redis_and_finds_it_later() {
    let redis = RedisServer::start();
    redis.kill();
    let shelf = two_gateways(&redis).await;
    assert_eq!((shelf.read_at(0).await, shelf.read_at(1).await, shelf.asked()), (1, 1, 2));
    redis.start_again();
    for gateway in [0, 1] {
        eventually("Redis is shared", async || degraded(&shelf, gateway).await.is_empty()).await;
    }
    assert_eq!((shelf.read_at(0).await, shelf.read_at(1).await, shelf.asked()), (1, 1, 3));
    shelf.close().await;
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server; `scripts/test` runs it"]
async fn an_encrypted_redis_is_shared_by_whoever_knows_its_root_and_by_nobody_else() {
    let (ours, others, key) = (authority(), authority(), KeyPair::generate().unwrap());
    let signed = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
    let redis = RedisServer::start_with_tls(&signed.pem(), &key.serialize_pem());
    let folder = tempfile::tempdir().unwrap();
    let by_root = |name: &str, pem: Option<String>, url: String| {
        let redis_root_cert = pem.map(|pem| {
            let file = folder.path().join(name);
            std::fs::write(&file, pem).unwrap();
            file
        });
        let shared = SharedConfig { redis_url: Some(Secret::new(url)), redis_root_cert, redis_timeout_ms: PATIENT_MS };
        Wish { gateways: 2, cache_ttl_s: FOR_EVER_S, rate_per_address: 0, shared }
    };
    let by_number = redis.tls_url().replace("localhost", "127.0.0.1");
    let strangers = [
        by_root("others.pem", Some(others.pem()), redis.tls_url()),
        by_root("none", None, redis.tls_url()),
        by_root("ours.pem", Some(ours.pem()), by_number),
    ];
    for wish in strangers {
        let shelf = Shelf::open_as(&wish).await;
        assert_eq!(degraded(&shelf, 0).await[0]["field"], "redis");
        assert_eq!((shelf.read_at(0).await, shelf.read_at(1).await, shelf.asked()), (1, 1, 2), "each goes on alone");
        shelf.close().await;
    }
    let shelf = Shelf::open_as(&by_root("ours.pem", Some(ours.pem()), redis.tls_url())).await;
    assert_eq!(degraded(&shelf, 0).await, Vec::<Value>::new());
    assert_eq!((shelf.read_at(0).await, shelf.read_at(1).await, shelf.asked()), (1, 1, 1));
    shelf.close().await;
}

async fn why_refused(shared: SharedConfig) -> String {
    let refused = Shelf::try_open(&Wish { gateways: 1, cache_ttl_s: 1, rate_per_address: 0, shared }).await;
    refused.err().unwrap()
}

#[tokio::test]
async fn an_address_that_is_none_of_a_redis_is_refused_at_the_start_and_not_repeated() {
    for address in ["http://user:hunter2@127.0.0.1/", "rediss://:hunter2@127.0.0.1/#insecure", "hunter2"] {
        let why = why_refused(SharedConfig { redis_url: Some(Secret::new(address)), ..SharedConfig::default() }).await;
        assert!(why.contains("--redis-url") && !why.contains("hunter2"), "{why}");
    }
}

#[tokio::test]
async fn roots_that_vouch_for_nothing_are_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    for (url, file) in [
        ("rediss://:hunter2@127.0.0.1/", folder.path().join("not-there.pem")),
        ("rediss://:hunter2@127.0.0.1/", empty.clone()),
        ("redis://:hunter2@127.0.0.1/", empty),
    ] {
        let (redis_url, redis_root_cert) = (Some(Secret::new(url)), Some(file));
        let why = why_refused(SharedConfig { redis_url, redis_root_cert, ..SharedConfig::default() }).await;
        assert!(why.contains("--redis-root-cert") && !why.contains("hunter2"), "{why}");
    }
}
