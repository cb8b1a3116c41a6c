use service_kit::{
    db::{Db, DbOptions},
    http::{Background, Check, Running, ServiceInfo, StartError, serve},
};

use super::{
    clients::Shop,
    config::Config,
    http::{Bank, routes},
    store::{MIGRATIONS, Store},
    worker::work,
};

const INFO: ServiceInfo = ServiceInfo {
    name: "payments",
    title: "Lastcopy sandbox payments",
    description: "A bank for development and tests: a durable ledger, magic cards, signed webhooks.",
};

/// Starts the provider. What the shop was not told in an earlier life it is told now.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let part = |error: &dyn std::fmt::Display| StartError::Part(error.to_string());
    let shop = match (config.order_url, config.sandbox_webhook_secret) {
        (Some(url), Some(secret)) => Some(Shop::new(&url, secret).map_err(|error| part(&error))?),
        (Some(_), None) => {
            return Err(StartError::Part("webhooks are signed: --sandbox-webhook-secret is missing".to_owned()));
        }
        (None, _) => None,
    };
    let db = Db::open(&config.database_url, DbOptions::default(), MIGRATIONS).await.map_err(|error| part(&error))?;
    let store = Store::new(db.clone(), config.currency, config.pace, shop.is_some());
    let mut background = Background::default();
    background.spawn(work(store.clone(), shop, background.stopping()));
    background.close_last(db.clone());
    let checks = vec![Check::new("database", move || {
        let db = db.clone();
        async move { db.ping().await.map_err(|error| error.to_string()) }
    })];
    let bank = Bank { store, pace: config.pace };
    serve(INFO, config.listen, config.workers, checks, background, routes(bank)).await
}
