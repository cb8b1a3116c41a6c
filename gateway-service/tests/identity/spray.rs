//! Passwords are tried in numbers: from one address, and at one account.

use std::time::Instant;

use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::shop::{Answer, PASSWORD, Shop};

/// What the throttle lets one network try, with those that were under way when it said no.
const TRIES: std::ops::RangeInclusive<usize> = 200..=208;

impl Shop {
    /// Signs in from elsewhere, through a proxy that this shop trusts.
    async fn sign_in_from(&self, address: &str, name: &str, password: &str) -> Answer {
        let body = json!({"username": name, "password": password});
        let request = self.http().post(self.url("/api/v1/auth/token")).header("x-forwarded-for", address).json(&body);
        Answer::read(request.send().await.unwrap()).await
    }
}

#[actix_web::test]
async fn one_address_tries_a_password_on_many_accounts_and_is_stopped_and_nobody_elsewhere_is() {
    let shop = Shop::open("spray").await.reopen_with(&["--trusted-proxies=127.0.0.1"]).await;
    let spray = stream::iter(0..300).map(|number| {
        let shop = &shop;
        async move { shop.sign_in_from("203.0.113.7", &format!("person{number}"), "autumn leaves 2026").await }
    });
    let answers: Vec<Answer> = spray.buffer_unordered(4).collect().await;
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    assert!(TRIES.contains(&looked_at), "{looked_at}");
    let stopped: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!(stopped.len() + looked_at, 300);
    assert!(stopped.iter().all(|answer| answer.header("retry-after").parse::<u64>().unwrap() >= 60));
    // From there not even a right password is looked at; from elsewhere everything is as ever.
    assert_eq!(shop.sign_in_from("203.0.113.7", "root", PASSWORD).await.status, 429);
    assert_eq!(shop.sign_in_from("203.0.113.8", "root", PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn many_addresses_try_one_account_and_its_owner_waits_seconds_and_never_longer() {
    let shop = Shop::open("spray_account").await.reopen_with(&["--trusted-proxies=127.0.0.1"]).await;
    shop.customer("ana").await;
    let spray = stream::iter(0..120).map(|number| {
        let shop = &shop;
        async move { shop.sign_in_from(&format!("198.51.100.{number}"), "ana", "autumn leaves 2026").await.status }
    });
    let statuses: Vec<u16> = spray.buffer_unordered(16).collect().await;
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    let began = Instant::now();
    assert_eq!(shop.sign_in_from("192.0.2.1", "ana", PASSWORD).await.status, 200);
    // The wait that strangers can cause at most, and a hash on a busy machine.
    assert!((1..20).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    let began = Instant::now();
    assert_eq!(shop.sign_in_from("192.0.2.1", "root", PASSWORD).await.status, 200);
    assert!(began.elapsed().as_secs() < 3, "another account waits for nothing: {:?}", began.elapsed());
}
