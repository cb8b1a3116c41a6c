//! Spans on their way to a collector: OTLP, protobuf over HTTP, in batches, from a thread of its own.

use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::runtime::Handle;

/// A batch that is not taken within this time is lost: a collector that is down costs spans and nothing else.
const EXPORT_DEADLINE: Duration = Duration::from_secs(5);

/// What sends the spans of a process to a collector.
pub struct Traces(pub(super) SdkTracerProvider);

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be sent to {endpoint}: {reason}")]
pub struct TracesError {
    endpoint: String,
    reason: String,
}

impl Traces {
    /// Sends spans of `service` to the collector at `endpoint` (such as `http://127.0.0.1:4318`), over this runtime.
    #[expect(clippy::disallowed_methods, reason = "it carries no request of ours, and has deadlines")]
    pub fn to(endpoint: &str, service: &'static str, runtime: Handle) -> Result<Traces, TracesError> {
        let unusable = |reason: String| TracesError { endpoint: endpoint.to_owned(), reason };
        let http = reqwest::Client::builder().timeout(EXPORT_DEADLINE).connect_timeout(EXPORT_DEADLINE).no_proxy();
        let http = http.build().map_err(|error| unusable(error.to_string()))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector { http, runtime })
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(EXPORT_DEADLINE)
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        let resource = Resource::builder_empty().with_attribute(KeyValue::new("service.name", service)).build();
        Ok(Traces(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build()))
    }

    /// Blocking: sends what is left. The runtime still has to run.
    pub fn end(self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// The exporter's thread has no runtime of its own; calls are made on ours.
#[derive(Debug)]
struct Collector {
    http: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let sent = self.runtime.spawn(async move {
            let (head, body) = request.into_parts();
            let call = http.request(head.method, head.uri.to_string()).headers(head.headers).body(body);
            let answer = call.send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        });
        let (status, body) = sent.await??;
        Ok(Response::builder().status(status).body(body)?)
    }
}
