//! Tokens between real processes: each is good at one service, and services go on while nobody can be asked for keys.

use reqwest::Method;
use serde_json::{Value, json};
use service_kit::{
    auth::{Caller as Identity, Scopes, Service, Who},
    testing::{TestIssuer, eventually},
};
use shared_types::AccountId;

use crate::cluster::{Basket, Catalog, Cluster, Delivery, Gateway, KEY_LINKS, Order, Part, service};

/// Something of each service that a token of the right service, or of the gateway, is let in to.
const OPEN: [(Part, &str); 3] = [(Catalog, "/topics"), (Order, "/orders"), (Delivery, "/deliveries")];

fn a_service(part: Part) -> Identity {
    Identity { scopes: Scopes::NONE, ..Identity::first_hand(Who::Service(service(part))) }
}

/// Somebody for whom the gateway asks.
fn a_person(who: Who) -> Identity {
    Identity { act: Some(Service::Gateway), ..Identity::first_hand(who) }
}

fn an_employee() -> Identity {
    a_person(Who::Employee(AccountId::from_uuid(uuid::Uuid::now_v7())))
}

async fn status(shop: &Cluster, bearer: String, at: Part, path: &str) -> u16 {
    shop.holder(bearer, at).call(Method::GET, path, None, None).await.map_or(0, |answer| answer.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_good_at_one_service_is_worth_nothing_at_another() {
    let shop = Cluster::start().await;
    for (at, path) in OPEN {
        let good = shop.issuer(Gateway).bearer(&an_employee(), service(at));
        assert_eq!(status(&shop, good, at, path).await, 200, "{at:?}");
        for aud in Service::ALL.iter().filter(|aud| **aud != service(at)) {
            let of_the_gateway = shop.issuer(Gateway).bearer(&an_employee(), *aud);
            assert_eq!(status(&shop, of_the_gateway, at, path).await, 401, "for {aud} at {at:?}");
            for from in [Gateway, Order, Delivery] {
                let of_a_service = shop.issuer(from).bearer(&a_service(from), *aud);
                assert_eq!(status(&shop, of_a_service, at, path).await, 401, "{from:?} for {aud} at {at:?}");
            }
        }
        // And who is a service speaks for nobody else.
        for from in [Order, Delivery] {
            let posing = shop.issuer(from).bearer(&an_employee(), service(at));
            assert_eq!(status(&shop, posing, at, path).await, 401, "{from:?} as an employee at {at:?}");
        }
    }
    for from in [Gateway, Order, Delivery] {
        let at_the_door = shop.issuer(from).bearer(&a_service(from), Service::Gateway);
        assert_eq!(status(&shop, at_the_door, Gateway, "/api/v1/orders").await, 401, "{from:?}");
    }
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_customer_is_given_at_the_door_opens_no_service_behind_it() {
    let shop = Cluster::start().await;
    let person = json!({"username": "ana", "email": "ana@example.com", "name": "Ana", "password": "seven green lamps"});
    let nobody = shop.anonymous();
    nobody.send(Method::POST, "/api/v1/auth/register", &person).await.expect::<Value>(201);
    let credentials = json!({"username": "ana", "password": "seven green lamps"});
    let given: Value = nobody.send(Method::POST, "/api/v1/auth/token", &credentials).await.expect(200);
    let hers = format!("Bearer {}", given["access_token"].as_str().unwrap());
    assert_eq!(status(&shop, hers.clone(), Gateway, "/api/v1/orders").await, 200);
    for (at, path) in OPEN {
        assert_eq!(status(&shop, hers.clone(), at, path).await, 401, "{at:?}");
        assert_eq!(shop.holder(String::new(), at).call(Method::GET, path, None, None).await.unwrap().status, 401);
    }
    shop.finish().await;
}

/// Nobody can be asked for keys: what is known serves, what is not is refused, and no order is undone for it.
#[tokio::test(flavor = "multi_thread")]
async fn services_know_one_another_while_nobody_can_be_asked_for_keys() {
    let mut shop = Cluster::start().await;
    let book = shop.book("Trusted", 10).await;
    let caller = shop.operator();
    caller.buy(&Basket::of(&[(book, 1)]).delivered()).await.order();
    for part in [Catalog, Order, Delivery] {
        let forger = TestIssuer::start(Service::Gateway).await;
        let forged = || format!("Bearer {}", forger.token(&an_employee(), service(part)).secret());
        let path = OPEN.iter().find(|(at, _)| *at == part).unwrap().1;
        let good = || shop.issuer(Gateway).bearer(&an_employee(), service(part));
        assert_eq!(status(&shop, good(), part, path).await, 200, "{part:?} has asked for the keys");
        cut_keys(&shop, true);
        assert_eq!(status(&shop, good(), part, path).await, 200, "{part:?}");
        caller.buy(&Basket::of(&[(book, 1)]).delivered()).await.order();
        assert_eq!(status(&shop, forged(), part, path).await, 401, "{part:?}");

        shop.restart(part).await;
        let good = shop.issuer(Gateway).bearer(&an_employee(), service(part));
        assert_eq!(status(&shop, good, part, path).await, 503, "{part:?} knows nobody, and says so");
        assert_eq!(status(&shop, forged(), part, path).await, 503, "{part:?}");
        let basket = Basket::of(&[(book, 1)]).delivered();
        if let Some(answer) = caller.try_to_buy(&basket).await {
            // Where the order was written, it waits for the part; it is not refused.
            assert!(matches!(answer.status, 201 | 202), "{part:?}: {answer:?}");
        }

        cut_keys(&shop, false);
        caller.buy(&basket).await.order();
        eventually("it knows who calls again", async || {
            let good = shop.issuer(Gateway).bearer(&an_employee(), service(part));
            status(&shop, good, part, path).await == 200
        })
        .await;
        assert_eq!(status(&shop, forged(), part, path).await, 401, "{part:?}");
        forger.stop().await;
    }
    assert_eq!(caller.on_hand(book).await, 3);
    shop.finish().await;
}

fn cut_keys(shop: &Cluster, cut: bool) {
    for (from, to) in KEY_LINKS {
        let link = shop.link(from, to);
        if cut { link.cut() } else { link.heal() }
    }
}
