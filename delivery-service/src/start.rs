use paperclip::actix::web::ServiceConfig;
use service_kit::{
    Clock,
    auth::{Gate, Issuer, Service},
    db::{Db, DbOptions},
    http::{Background, Check, Running, ServiceInfo, StartError, serve, while_opening},
    idempotency, outbox,
};

use crate::{
    clients::tell_order,
    config::Config,
    http::routes,
    store::{MIGRATIONS, Store},
};

const INFO: ServiceInfo = ServiceInfo {
    name: "delivery",
    title: "Lastcopy deliveries",
    description: "Books parcels, keeps track of them and of who carries them, and tells the order service.",
};

/// Starts the service. What the order service was not told in an earlier life it is told now.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let part = |error: &dyn std::fmt::Display| StartError::Part(error.to_string());
    let opening = Db::open(&config.database_url, DbOptions::default(), MIGRATIONS);
    let db = while_opening(INFO.name, config.listen, opening).await.map_err(|error| part(&error))?;
    let mut background = Background::default();
    background.close_last(db.clone());
    let issuer = Issuer::open(Service::Delivery, db.clone(), Clock::system()).await.map_err(|error| part(&error))?;
    background.spawn(issuer.clone().keep_rotating(background.stopping()));
    let issuers = [(Service::Gateway, config.gateway_url.as_str()), (Service::Order, &config.order_url)];
    let gate = Gate::trusting(Service::Delivery, &issuers).map_err(|error| part(&error))?;
    let relay = tell_order(db.clone(), &config.order_url, &issuer).await.map_err(|error| part(&error))?;
    let stopping = background.stopping();
    background.spawn(async move {
        stopping.cancelled().await;
        relay.stop().await;
    });
    background.spawn(idempotency::forgetting(db.clone(), Clock::system(), background.stopping()));
    let checks = checks(&db);
    let (outbox_of, store) = (db.clone(), Store::new(db, Clock::system()));
    let own = routes(store, gate, issuer);
    let routes = move |config: &mut ServiceConfig| {
        own(config);
        outbox::desk(config, &outbox_of);
    };
    serve(INFO, config.listen, config.workers, checks, background, routes).await
}

fn checks(db: &Db) -> Vec<Check> {
    let db = db.clone();
    vec![Check::new("database", move || {
        let db = db.clone();
        async move { db.ping().await.map_err(|error| error.to_string()) }
    })]
}
