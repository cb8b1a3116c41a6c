use std::{
    future::Future,
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    body::BoxBody,
    dev::ServiceRequest,
    guard,
    middleware::{self, Next},
    web,
};
use paperclip::actix::{OpenApiExt, web::ServiceConfig};
use shared_types::{Code, Problem};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    document::{self, Document},
    draining::Draining,
    health::{self, Check},
    layer::{Bare, Layer},
    limits,
    listener::Listener,
    load::Load,
    reply::Fail,
    routes::Routes,
    shell::Shell,
};
use crate::{
    Client,
    db::Db,
    metrics::{self, Family, Metrics, MetricsDoor, Probe},
    outbox,
};

/// What a service says of itself.
#[derive(Debug, Clone, Copy)]
pub struct ServiceInfo {
    /// `catalog`, `order`, …: the name in logs and in the launcher's lines.
    pub name: &'static str,
    /// Title of its API document.
    pub title: &'static str,
    /// First paragraph of its API document.
    pub description: &'static str,
}

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on {address}: {reason}")]
    Listen { address: SocketAddr, reason: std::io::Error },
    /// The configuration or a part that is needed from the first moment on.
    #[error("{0}")]
    Part(String),
}

/// Work beside the requests: relays, drivers. Every task watches the token and ends soon after it is cancelled.
#[derive(Default)]
pub struct Background {
    tasks: JoinSet<()>,
    drain: Draining,
    stop: CancellationToken,
    databases: Vec<Db>,
    metrics: Metrics,
    door: MetricsDoor,
}

impl Background {
    /// The token that is cancelled when the service stops.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// The token that is cancelled first of all when the service stops: answers that would go on for ever end now.
    pub fn draining(&self) -> CancellationToken {
        self.drain.token()
    }

    /// Starts a task that ends when [`stopping`](Self::stopping) is cancelled.
    pub fn spawn<F>(&mut self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task);
    }

    /// Shows these families at `/metrics`.
    pub fn show(&mut self, families: &[&dyn Family]) {
        families.iter().for_each(|family| self.metrics.show(*family));
    }

    /// Runs this probe whenever `/metrics` is read.
    pub fn probe(&mut self, probe: Probe) {
        self.metrics.probe(probe);
    }

    /// Shows at `/metrics` how the calls of these guarded clients fare, each to another part.
    pub fn calls<'a>(&mut self, clients: impl IntoIterator<Item = &'a Client>) {
        clients.into_iter().flat_map(Client::collectors).for_each(|family| self.metrics.add(family));
    }

    /// Where `/metrics` is read; beside the routes, unless said otherwise.
    pub fn metrics_at(&mut self, door: MetricsDoor) {
        self.door = door;
    }

    /// Closes this database when the last request and the last task are done, and shows its numbers until then. A
    /// service has one.
    pub fn close_last(&mut self, db: Db) {
        db.collectors().into_iter().for_each(|family| self.metrics.add(family));
        outbox::show(&db, &mut self.metrics);
        self.databases.push(db);
    }

    async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a background task did not end well");
            }
        }
        for db in self.databases {
            db.close().await;
        }
    }
}

/// A service that runs: where it listens, and how to stop it.
pub struct Running {
    name: &'static str,
    listener: Listener,
    /// Where `/metrics` has an address of its own.
    metrics: Option<Listener>,
    background: Background,
}

impl Running {
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Where `/metrics` is read, if anywhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        match self.background.door {
            MetricsDoor::Service => Some(self.address()),
            MetricsDoor::Own(_) => self.metrics.as_ref().map(Listener::address),
            MetricsDoor::Closed => None,
        }
    }

    /// The base address of the service.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Says at `/health/ready` that it is about to stop, ends every connection with the answer that is under way on it, and
    /// serves on: whoever shares out requests goes elsewhere meanwhile.
    pub fn drain(&self) {
        tracing::info!(service = self.name, "about to stop");
        self.background.drain.begin();
    }

    /// Takes nothing new, finishes what is in flight (within [`limits::STOP_DEADLINE_S`]), then stops.
    pub async fn stop(self) {
        self.background.drain.begin();
        self.listener.stop(self.name).await;
        self.background.stop().await;
        if let Some(metrics) = self.metrics {
            metrics.stop(self.name).await;
        }
        tracing::info!(service = self.name, "stopped");
    }
}

/// What the shell adds to every service, outside of its API document and open to everybody: all of it is for reading.
pub const SHELL_PATHS: &[&str] = &[
    "/health/live",
    "/health/ready",
    "/metrics",
    "/openapi.json",
    "/openapi.yaml",
    "/api/schema",
    "/api/schema/",
    "/docs",
    "/docs/index.html",
    "/api/schema/swagger-ui/",
    "/redoc",
    "/api/schema/redoc/",
];

/// Serves `routes` on `address` (port 0: any free one) until it is stopped.
///
/// Adds [`SHELL_PATHS`].
pub async fn serve<R>(
    info: ServiceInfo,
    address: SocketAddr,
    workers: usize,
    checks: Vec<Check>,
    background: Background,
    routes: R,
) -> Result<Running, StartError>
where
    R: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    serve_behind(Arc::new(Bare), info, address, workers, checks, background, routes).await
}

/// As [`serve`], with `layer` around all routes.
pub async fn serve_behind<L, R>(
    layer: Arc<L>,
    info: ServiceInfo,
    address: SocketAddr,
    workers: usize,
    checks: Vec<Check>,
    mut background: Background,
    routes: R,
) -> Result<Running, StartError>
where
    L: Layer,
    R: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let checks = web::Data::new(checks);
    let draining = background.drain.clone();
    let document: web::Data<OnceLock<Document>> = web::Data::default();
    let metrics = web::Data::new(std::mem::take(&mut background.metrics));
    let door = background.door;
    let own = match door {
        MetricsDoor::Own(address) => Some(Listener::of_metrics(address, metrics.clone())?),
        MetricsDoor::Service | MetricsDoor::Closed => None,
    };
    let app = move || {
        let (layer, document) = (Arc::clone(&layer), document.clone());
        let ours = (checks.clone(), draining.clone());
        app(info, layer, document, ours, (metrics.clone(), door), routes.clone())
    };
    let listener = Listener::start(address, |listener| {
        let server = HttpServer::new(app)
            .workers(workers)
            .disable_signals()
            .backlog(limits::LISTEN_BACKLOG)
            .max_connections(limits::MAX_CONNECTIONS_PER_WORKER)
            .client_request_timeout(Duration::from_millis(limits::HEAD_DEADLINE_MS))
            .keep_alive(Duration::from_millis(limits::KEEP_ALIVE_MS))
            .shutdown_timeout(limits::STOP_DEADLINE_S);
        Ok(server.listen(listener)?.run())
    })?;
    tracing::info!(service = info.name, address = %listener.address(), "listening");
    Ok(Running { name: info.name, listener, metrics: own, background })
}

fn app<L: Layer, R: Fn(&mut ServiceConfig)>(
    info: ServiceInfo,
    layer: Arc<L>,
    document: web::Data<OnceLock<Document>>,
    (checks, draining): (web::Data<Vec<Check>>, Draining),
    (metrics, door): (web::Data<Metrics>, MetricsDoor),
    routes: R,
) -> App<
    impl actix_web::dev::ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<actix_web::body::BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let path_config = web::PathConfig::default()
        .error_handler(|error, _| Fail::<()>::from(Problem::new(Code::MalformedPath, error.to_string())).into());
    let query_config = web::QueryConfig::default()
        .error_handler(|error, _| Fail::<()>::from(Problem::new(Code::MalformedQuery, error.to_string())).into());
    let unknown_file = guard::fn_guard(|context| document::is_unknown_file(context.head()));
    let open = guard::fn_guard(move |_| door == MetricsDoor::Service);
    let http = metrics.http();
    let load = Load::of(http.in_flight());
    let shell = Rc::new(Shell { layer: Arc::clone(&layer), load, metrics: http, draining: draining.clone() });
    App::new()
        .app_data(path_config)
        .app_data(query_config)
        .app_data(checks)
        .app_data(web::Data::new(draining))
        .app_data(Rc::new(Routes::default()))
        .app_data(metrics)
        .app_data(document.clone())
        .configure(document::routes)
        .service(web::resource("/docs/{file:.*}").guard(unknown_file).to(actix_web::HttpResponse::NotFound))
        // A resource each, so that another method is told which one there is.
        .service(web::resource("/health/live").route(web::get().to(health::live)))
        .service(web::resource("/health/ready").route(web::get().to(health::ready)))
        .service(web::resource("/metrics").guard(open).route(web::get().to(metrics::page)))
        .wrap_api_with_spec(document::beginning(&info))
        .configure(|config| routes(config))
        .with_raw_json_spec_v3(|app, spec| {
            document.get_or_init(|| Document::of(&document::completed(spec, &*layer)));
            app
        })
        // paperclip has Swagger UI's files; the document and the page are ours, above.
        .with_json_spec_v3_at("/openapi.json")
        .with_swagger_ui_at("/docs")
        .build()
        .wrap(middleware::from_fn(move |request: ServiceRequest, next: Next<BoxBody>| {
            // On the heap from the start: actix moves it about before it begins.
            Box::pin(Rc::clone(&shell).around(request, next))
        }))
}
