use std::sync::Arc;

use paperclip::actix::web::ServiceConfig;
use service_kit::{
    Clock,
    auth::{Gate, Issuer, Service},
    db::{Db, DbOptions},
    http::{Background, Check, Running, ServiceInfo, StartError, serve, while_opening},
    idempotency,
    relay::tell_gateways,
};
use shared_types::Secret;
use uuid::Uuid;

use crate::{
    clients::{Catalog, Delivery},
    config::Config,
    driver::{Driver, Others, work},
    http::{
        Shop, Shortages,
        desk::{self, Desk},
        routes,
    },
    metrics,
    notifications::{self, NotificationConfig},
    store::{self, MIGRATIONS},
    subscribers::{self, WebhookConfig},
};

const INFO: ServiceInfo = ServiceInfo {
    name: "order",
    title: "Lastcopy orders",
    description: "Places orders and drives them until they are at rest: copies taken, approved, delivery booked.",
};

/// Starts the service. Orders that an earlier life left unfinished are taken up at once, or, where other replicas may be at
/// work on them, when their leases are over.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let part = |error: &dyn std::fmt::Display| StartError::Part(error.to_string());
    let senders = Arc::new(config.payments.senders()?);
    let opening = Db::open(&config.database_url, DbOptions::default(), MIGRATIONS);
    let db = while_opening(INFO.name, config.listen, opening).await.map_err(|error| part(&error))?;
    let providers = config.payments.providers(&db, config.pace.call_ms)?;
    let issuer = Issuer::open(Service::Order, db.clone(), Clock::system()).await.map_err(|error| part(&error))?;
    let catalog = Catalog::new(&config.catalog_url, config.pace.call_ms, &issuer).map_err(|error| part(&error))?;
    let delivery = Delivery::new(&config.delivery_url, config.pace.call_ms, &issuer).map_err(|error| part(&error))?;
    let issuers = [(Service::Gateway, config.gateway_url.as_str()), (Service::Delivery, &config.delivery_url)];
    let gate = Gate::trusting(Service::Order, &issuers).map_err(|error| part(&error))?;
    let fresh = Secret::new(Uuid::new_v4().simple().to_string() + &Uuid::new_v4().simple().to_string());
    let card_key = db.write_at_start(move |tx| store::card_key::find_or_keep(tx, &fresh)).await;
    let card_key = card_key.map_err(|error| part(&error))?;

    let mut background = Background::default();
    background.spawn(issuer.clone().keep_rotating(background.stopping()));
    let checks = checks(&db, &catalog, &delivery);
    let (messages, hooks) = (&config.notifications, &config.webhooks);
    let desk = start_telling(&db, messages, hooks, &mut background)?;
    let told = tell_gateways(&db, &config.tell_gateways, &issuer, &mut background).await;
    told.map_err(|error| part(&error))?;
    background.calls([catalog.client(), delivery.client()].into_iter().chain(providers.clients()));
    let others = Others { catalog: catalog.clone(), delivery, providers: providers.clone() };
    let driver = Driver::new(db.clone(), others, config.pace, background.stopping());
    background.spawn(work(driver.clone()));
    background.close_last(db.clone());
    metrics::show(&mut background, &db);
    let unpaid_ms = 60_000 * i64::from(config.unpaid_minutes);
    let shop = Shop {
        db,
        driver,
        catalog,
        providers,
        senders,
        currency: config.currency,
        unpaid_ms,
        card_key,
        shortages: Shortages::default(),
    };
    let (orders, desk) = (routes(shop, gate, issuer), desk::routes(desk));
    let all = move |config: &mut ServiceConfig| {
        orders(config);
        desk(config);
    };
    serve(INFO, config.listen, config.workers, checks, background, all).await
}

/// Begins to send what customers and subscribers are told.
fn start_telling(
    db: &Db,
    messages: &NotificationConfig,
    hooks: &WebhookConfig,
    background: &mut Background,
) -> Result<Desk, StartError> {
    let clock = Clock::system();
    notifications::start(db, clock, messages, background)?;
    let subscribers = subscribers::start(db, clock, hooks, background);
    background.spawn(idempotency::forgetting(db.clone(), clock, background.stopping()));
    Ok(Desk { db: db.clone(), clock, subscribers })
}

fn checks(db: &Db, catalog: &Catalog, delivery: &Delivery) -> Vec<Check> {
    let (db, catalog, delivery) = (db.clone(), catalog.clone(), delivery.clone());
    vec![
        Check::new("database", move || {
            let db = db.clone();
            async move { db.ping().await.map_err(|error| error.to_string()) }
        }),
        Check::new("catalog", move || {
            let catalog = catalog.clone();
            async move { catalog.alive().await }
        }),
        Check::new("delivery", move || {
            let delivery = delivery.clone();
            async move { delivery.alive().await }
        }),
    ]
}
