//! Killed at every fault point, in the course of a day that comes by all of them: nothing that was answered is lost,
//! nothing happens twice, and the shop hears of everything.

use std::path::Path;

use lastcopy::payments::fault_points;
use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{
    Client,
    testing::{TestDatabase, eventually, eventually_some},
};
use shared_types::{
    PaymentId,
    payments::{PaymentPage, PaymentStatus, PaymentView},
};

use crate::{
    bank::{SECRET, charge, client, payment_id},
    process::Process,
    shop::Shop,
};

/// The bank as a process, started again whenever it dies.
struct Life<'a> {
    process: Process,
    client: Client,
    arguments: Vec<String>,
    log: &'a Path,
    deaths: u32,
}

impl<'a> Life<'a> {
    async fn begin(database: &TestDatabase, shop: &Shop, point: &str, log: &'a Path) -> Life<'a> {
        let arguments = vec![
            "payments".to_owned(),
            "--listen=127.0.0.1:0".to_owned(),
            format!("--database-url={}", database.url().expose()),
            format!("--order-url={}", shop.url()),
            format!("--sandbox-webhook-secret={SECRET}"),
        ];
        let process = Process::start(&arguments, Some(&format!("{point}=kill")), log).await.unwrap();
        let client = client(&format!("http://{}", process.address()));
        Life { process, client, arguments, log, deaths: 0 }
    }

    /// Asks until there is an answer. A bank that has died is started again, without its fault.
    async fn insist(&mut self, method: Method, path: &str, body: Option<Value>) -> Value {
        let body = body.map(|body| serde_json::to_vec(&body).unwrap());
        loop {
            match self.client.send(method.clone(), path, &[], body.clone()).await {
                Ok(answer) => {
                    assert!(answer.status.is_success(), "{path}: {answer:?}");
                    return serde_json::from_slice(&answer.body).unwrap();
                }
                Err(_) => self.start_again().await,
            }
        }
    }

    async fn start_again(&mut self) {
        eventually("it is dead", async || self.process.is_dead()).await;
        self.deaths += 1;
        self.process = Process::start(&self.arguments, None, self.log).await.unwrap();
        self.client = client(&format!("http://{}", self.process.address()));
    }

    async fn post(&mut self, id: PaymentId, what: &str) -> PaymentView {
        serde_json::from_value(self.insist(Method::POST, &format!("/payments/{id}/{what}"), None).await).unwrap()
    }

    async fn token(&mut self, number: &str) -> String {
        let card = json!({"number": number, "expiry": "12/30"});
        self.insist(Method::POST, "/tokens", Some(card)).await["token"].as_str().unwrap().to_owned()
    }

    async fn charge(&mut self, id: PaymentId, token: &str) {
        self.insist(Method::PUT, &format!("/payments/{id}"), Some(charge("12.99", token))).await;
    }

    async fn ledger(&mut self) -> Vec<PaymentView> {
        let page = self.insist(Method::GET, "/payments?limit=200", None).await;
        serde_json::from_value::<PaymentPage>(page).unwrap().items
    }
}

/// Charges, refunds, cancels and waits for a bank's decision. What each payment came to, as the shop understood it.
async fn live_a_day(life: &mut Life<'_>) -> Vec<(PaymentId, PaymentStatus)> {
    let (plain, later) = (life.token("4242424242424242").await, life.token("4000002500003155").await);
    let [kept, refunded, canceled, decided] = [(); 4].map(|()| payment_id());
    life.charge(kept, &plain).await;
    life.charge(refunded, &plain).await;
    life.post(refunded, "refund").await;
    life.post(canceled, "cancel").await;
    life.charge(decided, &later).await;
    vec![
        (kept, PaymentStatus::Succeeded),
        (refunded, PaymentStatus::Refunded),
        (canceled, PaymentStatus::Canceled),
        (decided, PaymentStatus::Succeeded),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_dies_at_any_point_charges_once_and_tells_of_everything() {
    let folder = tempfile::tempdir().unwrap();
    for point in fault_points() {
        let (database, shop) = (TestDatabase::create(&point).await, Shop::open().await);
        let log = folder.path().join(&point);
        let mut life = Life::begin(&database, &shop, &point, &log).await;
        let day = live_a_day(&mut life).await;
        // The bank's own decision and the acknowledgements come by themselves, perhaps with a death.
        let told = ["payment.succeeded", "payment.refunded", "payment.succeeded"];
        eventually_some("the day is over", async || {
            if life.process.is_dead() {
                life.start_again().await;
            }
            let heard = shop.heard();
            let heard_of = |id: PaymentId, kind: &str| {
                heard.iter().any(|heard| heard.kind() == kind && heard.json["data"]["payment_id"] == id.to_string())
            };
            let ids = [day[0].0, day[1].0, day[3].0];
            (life.deaths == 1 && ids.iter().zip(told).all(|(id, kind)| heard_of(*id, kind))).then_some(())
        })
        .await;
        let ledger = life.ledger().await;
        assert_eq!(ledger.len(), day.len(), "{point}");
        for (id, status) in day {
            let payment = ledger.iter().find(|payment| payment.payment_id == id).unwrap();
            assert_eq!(payment.status, status, "{point}");
        }
        life.process.kill();
        life.start_again().await;
        assert_eq!(life.ledger().await, ledger, "{point}");
        life.process.stop().await;
        shop.close().await;
    }
}
