use std::{net::SocketAddr, sync::Arc, time::Duration};

use service_kit::{
    auth::{Gate, Service},
    http::{Background, Check, Running, ServiceInfo, StartError, serve_behind, while_opening},
    metrics::MetricsDoor,
    process::default_workers,
};

use crate::{
    cache::{self, Cache},
    clients::{Upstream, Upstreams},
    dialects::{self, Dialects},
    http,
    identity::{Identity, IdentityConfig},
    layers::Layers,
    live::Live,
    shared::{Shared, SharedConfig},
    store::HiddenOrders,
};

const INFO: ServiceInfo = ServiceInfo {
    name: "gateway",
    title: "Lastcopy",
    description: "A bookshop. Errors are problem documents (RFC 9457) whose `code` is stable. Checkout and cancellation \
                  take an `Idempotency-Key`, stock adjustments an id: with it, asking again is always safe.",
};

/// Where the gateway listens and whom it asks.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Address and port; port 0 is any free one.
    #[arg(long, env = "LASTCOPY_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Threads that serve requests.
    #[arg(long, env = "LASTCOPY_WORKERS", default_value_t = default_workers())]
    pub workers: usize,
    #[arg(long, env = "LASTCOPY_CATALOG_URL", default_value = "http://127.0.0.1:8081")]
    pub catalog_url: String,
    #[arg(long, env = "LASTCOPY_ORDER_URL", default_value = "http://127.0.0.1:8082")]
    pub order_url: String,
    #[arg(long, env = "LASTCOPY_DELIVERY_URL", default_value = "http://127.0.0.1:8083")]
    pub delivery_url: String,
    /// Contracts of other shop back ends to speak beside `/api/v1`, separated by commas: `bazar`,
    /// `bookstore`, `inventory`, `items`, or `none`.
    #[arg(long, env = "LASTCOPY_DIALECTS", default_value_t = Dialects::default())]
    pub dialects: Dialects,
    /// How long an answer of the catalog may be kept and given again, in seconds; 0 keeps none. Most are dropped long
    /// before, when their books change.
    #[arg(long, env = "CACHE_TTL_SECONDS", default_value_t = 10)]
    pub cache_ttl_seconds: u64,
    /// Where Prometheus reads `/metrics`: an address that only an inner network reaches. Without it, nowhere: the
    /// gateway's own address is public.
    #[arg(long, env = "LASTCOPY_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    #[command(flatten)]
    pub shared: SharedConfig,
    #[command(flatten)]
    pub identity: IdentityConfig,
}

/// Serves until stopped.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let mut background = Background::default();
    background.metrics_at(config.metrics_listen.map_or(MetricsDoor::Closed, MetricsDoor::Own));
    let opening = Identity::open(&config.identity, &mut background);
    let identity = while_opening(INFO.name, config.listen, opening).await?;
    background.show(&[&cache::ANSWERS]);
    let shared = Shared::open(&config.shared, &mut background).await?;
    let cache = Arc::new(Cache::new(Duration::from_secs(config.cache_ttl_seconds), shared.clone()));
    let upstream = |service, url: &str| {
        Upstream::new(service, url, identity.issuer(), &cache).map_err(|error| StartError::Part(error.to_string()))
    };
    let upstreams = Arc::new(Upstreams {
        catalog: upstream(Service::Catalog, &config.catalog_url)?,
        order: upstream(Service::Order, &config.order_url)?,
        delivery: upstream(Service::Delivery, &config.delivery_url)?,
    });
    background.calls(upstreams.all().map(Upstream::client));
    let parts = upstreams.all().map(|upstream| {
        let upstream = upstream.clone();
        Check::new(upstream.part, move || {
            let upstream = upstream.clone();
            async move { upstream.ready().await }
        })
    });
    let hidden = Arc::new(HiddenOrders::new(identity.db().clone()));
    let live = Live::new(background.draining());
    let tellers = [(Service::Catalog, config.catalog_url.as_str()), (Service::Order, &config.order_url)];
    let inner_gate = Gate::trusting(Service::Gateway, &tellers).map_err(|error| StartError::Part(error.to_string()))?;
    let own = [identity.check(), cache.check()];
    let checks = parts.into_iter().chain(own).chain(shared.as_ref().map(Shared::check)).collect();
    let layers = Layers::new(Arc::clone(&identity), &config.identity.rates, shared, Some(Arc::clone(&upstreams)));
    serve_behind(layers, INFO, config.listen, config.workers, checks, background, move |routes| {
        http::busy_routes(routes);
        identity.routes(routes);
        // Before the scope in which some of them stand.
        http::live::routes(routes, &live);
        dialects::routes(routes, &config.dialects, &hidden);
        http::routes(routes, &upstreams);
        http::events::routes(routes, &inner_gate, &cache);
    })
    .await
}
