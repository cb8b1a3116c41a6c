//! What another replica revoked, and how soon it is believed here.

use clap::Parser;
use gateway_service::identity::{IdentityConfig, admin};
use serde_json::json;
use service_kit::{db::DbError, testing::eventually};

use crate::shop::Shop;

#[derive(Debug, Parser)]
struct Flags {
    #[command(flatten)]
    identity: IdentityConfig,
}

#[actix_web::test]
async fn what_another_replica_revoked_is_refused_here_within_the_lag() {
    let shop = Shop::open("lag").await.reopen_with(&["--revocation-lag-s=1"]).await;
    let (ana, ben) = (shop.customer("ana").await, shop.employee("ben").await);
    let made = ben.post("/api/v1/api-keys", json!({"name": "till", "scopes": ["items:read"]})).await.json;
    let program = shop.program(made["key"].as_str().unwrap());
    assert_eq!((ana.me().await.status, program.me().await.status), (200, 403));

    // What the other replica does is seen here only in the database that they share.
    let other = admin::open(shop.database().url()).await.unwrap();
    for table in ["token_family", "api_key"] {
        let sql = format!("update {table} set revoked_at_us = 1 where revoked_at_us is null");
        let revoked: Result<u64, DbError> = other.write(move |tx| tx.execute(&sql, &[])).await;
        assert!(revoked.unwrap() >= 1, "{table}");
    }
    other.close().await;
    eventually("the token is refused", async || ana.me().await.status == 401).await;
    eventually("the key is refused", async || program.me().await.status == 401).await;
}

#[test]
fn nobody_configures_a_revocation_that_takes_more_than_a_minute() {
    let lag = |flag: &str| Flags::try_parse_from(["gateway", flag]).map(|flags| flags.identity.revocation_lag_s);
    assert_eq!(lag("--revocation-lag-s=60").unwrap(), 60);
    assert_eq!(lag("--demo=false").unwrap(), 15);
    assert!(lag("--revocation-lag-s=61").is_err());
}
