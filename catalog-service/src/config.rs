use std::{net::SocketAddr, sync::Arc};

use service_kit::{
    Clock,
    auth::{Gate, Issuer, Service, publish_keys},
    db::{DatabaseUrl, Db, DbOptions},
    http::{Background, Check, Running, ServiceInfo, StartError, serve, while_opening},
    idempotency, outbox,
    process::default_workers,
    relay::tell_gateways,
};
use shared_types::Currency;

use crate::{catalog::Catalog, http, metrics, store};

const INFO: ServiceInfo = ServiceInfo {
    name: "catalog",
    title: "Lastcopy catalog",
    description: "Books, their stock, and which order took which copies. A copy is taken by one statement that compares \
                  and decrements at once, so none is ever sold twice.",
};

/// Where the catalog listens and keeps its books.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Address and port; port 0 is any free one.
    #[arg(long, env = "LASTCOPY_LISTEN", default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// `sqlite:<path>` or `postgres://…`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite:lastcopy-data/catalog.db", hide_env_values = true)]
    pub database_url: DatabaseUrl,
    /// Threads that serve requests.
    #[arg(long, env = "LASTCOPY_WORKERS", default_value_t = default_workers())]
    pub workers: usize,
    /// ISO 4217 code of every price. It is settled by the first start and never changes.
    #[arg(long, env = "LASTCOPY_CURRENCY", default_value = "USD")]
    pub currency: Currency,
    /// The gateway, which speaks for whoever calls: its keys are fetched there.
    #[arg(long, env = "LASTCOPY_GATEWAY_URL", default_value = "http://127.0.0.1:8080")]
    pub gateway_url: String,
    /// The order service, which takes copies and gives them back: its keys are fetched there.
    #[arg(long, env = "LASTCOPY_ORDER_URL", default_value = "http://127.0.0.1:8082")]
    pub order_url: String,
    /// Gateways that are told of every change of a book, separated by commas: one address for each replica, since each
    /// keeps answers of its own. One that is not told serves what it kept until its time is over.
    #[arg(long, env = "LASTCOPY_TELL_GATEWAYS", value_delimiter = ',')]
    pub tell_gateways: Vec<String>,
}

/// Opens the database and serves until stopped.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let database_url = &config.database_url;
    let opening = Db::open(database_url, DbOptions::default(), store::MIGRATIONS);
    let opened = while_opening(INFO.name, config.listen, opening).await;
    let db = opened.map_err(|error| StartError::Part(format!("the catalog's database {database_url}: {error}")))?;
    match start_on(db.clone(), &config).await {
        Ok(running) => Ok(running),
        Err(error) => {
            // Whoever starts it rightly in a moment finds the file free.
            db.close().await;
            Err(error)
        }
    }
}

async fn start_on(db: Db, config: &Config) -> Result<Running, StartError> {
    let mut background = Background::default();
    background.close_last(db.clone());
    background.show(metrics::FAMILIES);
    background.spawn(idempotency::forgetting(db.clone(), Clock::system(), background.stopping()));
    let issuer = Issuer::open(Service::Catalog, db.clone(), Clock::system()).await.map_err(part)?;
    background.spawn(issuer.clone().keep_rotating(background.stopping()));
    tell_gateways(&db, &config.tell_gateways, &issuer, &mut background).await.map_err(part)?;
    let outbox_of = db.clone();
    let catalog = Arc::new(Catalog::new(db, config.currency, Clock::system()));
    catalog.settle_currency().await?;
    let checked = Arc::clone(&catalog);
    let ready = Check::new("database", move || {
        let catalog = Arc::clone(&checked);
        async move { catalog.ping().await }
    });
    let issuers = [(Service::Gateway, config.gateway_url.as_str()), (Service::Order, &config.order_url)];
    let gate = Gate::trusting(Service::Catalog, &issuers).map_err(part)?;
    serve(INFO, config.listen, config.workers, vec![ready], background, move |routes| {
        http::routes(routes, &catalog, &gate);
        publish_keys(routes, &issuer);
        outbox::desk(routes, &outbox_of);
    })
    .await
}

fn part(error: impl std::fmt::Display) -> StartError {
    StartError::Part(error.to_string())
}
