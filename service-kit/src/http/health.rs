use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use actix_web::{HttpResponse, web};
use serde::Serialize;
use shared_types::{Code, FieldError, Problem};

use super::{draining::Draining, limits::READY_CHECK_DEADLINE_MS, reply::problem_response};

/// How a check ended: fine, or what is wrong.
pub type CheckResult = Result<(), String>;

/// A part that must work for the service to be of use: its database, another service.
#[derive(Clone)]
pub struct Check {
    pub name: &'static str,
    /// Without it the service is of use all the same.
    is_optional: bool,
    run: Arc<dyn Fn() -> Pin<Box<dyn Future<Output = CheckResult> + Send>> + Send + Sync>,
}

impl Check {
    pub fn new<F, R>(name: &'static str, run: F) -> Check
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = CheckResult> + Send + 'static,
    {
        Check { name, is_optional: false, run: Arc::new(move || Box::pin(run())) }
    }

    /// A part without which the service goes on, worse: it is named among what is degraded, and nobody is sent elsewhere.
    pub fn optional<F, R>(name: &'static str, run: F) -> Check
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = CheckResult> + Send + 'static,
    {
        Check { is_optional: true, ..Check::new(name, run) }
    }

    async fn outcome(&self) -> CheckResult {
        let deadline = Duration::from_millis(READY_CHECK_DEADLINE_MS);
        match tokio::time::timeout(deadline, (self.run)()).await {
            Ok(result) => result,
            Err(_) => Err(format!("does not answer within {READY_CHECK_DEADLINE_MS} ms")),
        }
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    parts: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    degraded: Vec<FieldError>,
}

/// `GET /health/live`: the process runs and answers.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "live", parts: Vec::new(), degraded: Vec::new() })
}

/// `GET /health/ready`: every part works that is needed, and those that do not are named; else 503 naming each part that is
/// needed and does not.
pub(super) async fn ready(checks: web::Data<Vec<Check>>, draining: web::Data<Draining>) -> HttpResponse {
    if draining.has_begun() {
        return problem_response(Problem::new(Code::Unavailable, "about to stop: ask another replica"));
    }
    let outcomes = futures_util::future::join_all(checks.iter().map(Check::outcome)).await;
    let (degraded, failed): (Vec<_>, Vec<_>) = checks
        .iter()
        .zip(outcomes)
        .filter_map(|(check, outcome)| {
            Some((check, FieldError { field: check.name.to_owned(), detail: outcome.err()? }))
        })
        .partition(|(check, _)| check.is_optional);
    let errors = |failed: Vec<(&Check, FieldError)>| failed.into_iter().map(|(_, error)| error).collect::<Vec<_>>();
    let (degraded, failed) = (errors(degraded), errors(failed));
    if failed.is_empty() {
        let works = |check: &&Check| degraded.iter().all(|error| error.field != check.name);
        let parts = checks.iter().filter(works).map(|check| check.name).collect();
        return HttpResponse::Ok().json(Health { status: "ready", parts, degraded });
    }
    let names: Vec<&str> = failed.iter().map(|failure| failure.field.as_str()).collect();
    let detail = format!("not ready: {}", names.join(", "));
    problem_response(Problem::new(Code::Unavailable, detail).with_errors(failed))
}
