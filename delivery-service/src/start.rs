use service_kit::{
    Client, ClientOptions, Clock,
    db::{Db, DbOptions},
    http::{Background, Check, Running, ServiceInfo, StartError, serve},
    relay::{Relay, RelayOptions},
};

use crate::{
    config::Config,
    http::routes,
    store::{MIGRATIONS, Store},
};

const INFO: ServiceInfo = ServiceInfo {
    name: "delivery",
    title: "Lastcopy deliveries",
    description: "Books parcels, keeps track of them and of who carries them, and tells the order service.",
};

/// The order service's name among the subscribers. It stays the same for ever; the address may change.
const ORDER: &str = "order";

/// Starts the service. What the order service was not told in an earlier life it is told now.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let db = Db::open(&config.database_url, DbOptions::default(), MIGRATIONS).await.map_err(part)?;
    let mut background = Background::default();
    background.close_last(db.clone());
    if let Some(order_url) = &config.order_url {
        let client = Client::new(order_url, ClientOptions::default()).map_err(part)?;
        // Before the first request: an event that nobody subscribed to is not kept.
        let relay = Relay::start(db.clone(), ORDER, client, Clock::system(), RelayOptions::default());
        let relay = relay.await.map_err(part)?;
        let stopping = background.stopping();
        background.spawn(async move {
            stopping.cancelled().await;
            relay.stop().await;
        });
    }
    let database = db.clone();
    let checks = vec![Check::new("database", move || {
        let db = database.clone();
        async move { db.ping().await.map_err(|error| error.to_string()) }
    })];
    let store = Store::new(db, Clock::system());
    serve(INFO, config.listen, config.workers, checks, background, routes(store)).await
}

fn part(error: impl std::fmt::Display) -> StartError {
    StartError::Part(error.to_string())
}
