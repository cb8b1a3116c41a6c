use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use actix_web::{HttpResponse, web};
use prometheus::{IntGaugeVec, Opts, Registry, TextEncoder, core::Collector};

use super::{Family, HttpMetrics};

/// The media type of Prometheus' text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// A probe gets this long; a scraper asks again soon.
const PROBE_DEADLINE_MS: u64 = 2_000;

/// How a probe ended: its gauges are set, or why they are not.
pub type ProbeResult = Result<(), String>;

type Run = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ProbeResult> + Send>> + Send + Sync>;

/// Sets gauges to what is true when the page is read. A probe that fails leaves them as they were and shows as
/// `lastcopy_probe_up{probe="…"} 0`.
#[derive(Clone)]
pub struct Probe {
    name: &'static str,
    run: Run,
}

impl Probe {
    pub fn new<F, R>(name: &'static str, run: F) -> Probe
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = ProbeResult> + Send + 'static,
    {
        Probe { name, run: Arc::new(move || Box::pin(run())) }
    }

    async fn is_up(&self) -> bool {
        let deadline = Duration::from_millis(PROBE_DEADLINE_MS);
        match tokio::time::timeout(deadline, (self.run)()).await {
            Ok(Ok(())) => true,
            Ok(Err(reason)) => {
                tracing::warn!(probe = self.name, reason, "a probe failed");
                false
            }
            Err(_) => {
                tracing::warn!(probe = self.name, PROBE_DEADLINE_MS, "a probe does not answer");
                false
            }
        }
    }
}

/// Where a service's numbers can be read. They are nobody's secret inside, and nobody's business outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricsDoor {
    /// At `/metrics` beside the routes, open like `/health`: for services that only an inner network reaches.
    #[default]
    Service,
    /// At `/metrics` of an address of its own: for a service whose routes are public.
    Own(SocketAddr),
    /// Nowhere.
    Closed,
}

/// The families and probes of one service.
pub struct Metrics {
    registry: Registry,
    probes: Vec<Probe>,
    probe_up: IntGaugeVec,
    http: HttpMetrics,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let probe_up = Opts::new("lastcopy_probe_up", "1: the gauges of this probe are what they were a moment ago");
        let metrics = Metrics {
            registry: Registry::new(),
            probes: Vec::new(),
            probe_up: IntGaugeVec::new(probe_up, &["probe"]).expect("BUG: a gauge's name"),
            http: HttpMetrics::new(),
        };
        metrics.add(Box::new(metrics.probe_up.clone()));
        metrics.http.collectors().into_iter().for_each(|family| metrics.add(family));
        metrics
    }
}

impl Metrics {
    /// Shows a family from now on.
    pub fn show(&self, family: &dyn Family) {
        self.add(family.collector());
    }

    /// Runs a probe whenever the page is read.
    pub fn probe(&mut self, probe: Probe) {
        self.probe_up.with_label_values(&[probe.name]).set(1);
        self.probes.push(probe);
    }

    pub(crate) fn add(&self, family: Box<dyn Collector>) {
        self.registry.register(family).expect("BUG: two families of one name in one service");
    }

    pub(crate) fn http(&self) -> HttpMetrics {
        self.http.clone()
    }

    /// Every series, in Prometheus' text format.
    pub async fn text(&self) -> String {
        let outcomes = futures_util::future::join_all(self.probes.iter().map(Probe::is_up)).await;
        for (probe, up) in self.probes.iter().zip(outcomes) {
            self.probe_up.with_label_values(&[probe.name]).set(i64::from(up));
        }
        let text = TextEncoder::new().encode_to_string(&self.registry.gather());
        text.expect("BUG: what was registered can be written down")
    }
}

/// `GET /metrics`.
pub(crate) async fn page(metrics: web::Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok().content_type(TEXT_FORMAT).body(metrics.text().await)
}
