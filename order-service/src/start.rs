use service_kit::{
    Clock,
    auth::{Gate, Issuer, Service},
    db::{Db, DbOptions},
    http::{Background, Check, Running, ServiceInfo, StartError, serve},
};

use crate::{
    clients::{Catalog, Delivery},
    config::Config,
    driver::{Driver, work},
    http::{Shop, routes},
    metrics,
    store::MIGRATIONS,
};

const INFO: ServiceInfo = ServiceInfo {
    name: "order",
    title: "Lastcopy orders",
    description: "Places orders and drives them until they are at rest: copies taken, approved, delivery booked.",
};

/// Starts the service. Orders that an earlier life left unfinished are taken up at once.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let part = |error: &dyn std::fmt::Display| StartError::Part(error.to_string());
    let db = Db::open(&config.database_url, DbOptions::default(), MIGRATIONS).await.map_err(|error| part(&error))?;

    let issuer = Issuer::open(Service::Order, db.clone(), Clock::system()).await.map_err(|error| part(&error))?;
    let catalog = Catalog::new(&config.catalog_url, config.pace.call_ms, &issuer).map_err(|error| part(&error))?;
    let delivery = Delivery::new(&config.delivery_url, config.pace.call_ms, &issuer).map_err(|error| part(&error))?;
    let issuers = [(Service::Gateway, config.gateway_url.as_str()), (Service::Delivery, &config.delivery_url)];
    let gate = Gate::trusting(Service::Order, &issuers).map_err(|error| part(&error))?;

    let mut background = Background::default();
    background.spawn(issuer.clone().keep_rotating(background.stopping()));
    let checks = checks(&db, &catalog, &delivery);
    let driver = Driver::new(db.clone(), catalog, delivery, config.pace, background.stopping());
    background.spawn(work(driver.clone()));
    background.close_last(db.clone());
    metrics::show(&mut background, &db);
    let shop = Shop { db, driver, currency: config.currency };
    serve(INFO, config.listen, config.workers, checks, background, routes(shop, gate, issuer)).await
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
