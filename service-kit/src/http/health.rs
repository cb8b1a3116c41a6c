use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use actix_web::{HttpResponse, web};
use serde::Serialize;
use shared_types::{Code, FieldError, Problem};

use super::{limits::READY_CHECK_DEADLINE_MS, reply::problem_response};

/// How a check ended: fine, or what is wrong.
pub type CheckResult = Result<(), String>;

/// A part that must work for the service to be of use: its database, another service.
#[derive(Clone)]
pub struct Check {
    pub name: &'static str,
    run: Arc<dyn Fn() -> Pin<Box<dyn Future<Output = CheckResult> + Send>> + Send + Sync>,
}

impl Check {
    pub fn new<F, R>(name: &'static str, run: F) -> Check
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = CheckResult> + Send + 'static,
    {
        Check { name, run: Arc::new(move || Box::pin(run())) }
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
}

/// `GET /health/live`: the process runs and answers.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "live", parts: Vec::new() })
}

/// `GET /health/ready`: every part works; else 503 naming each part that does not.
pub(super) async fn ready(checks: web::Data<Vec<Check>>) -> HttpResponse {
    let outcomes = futures_util::future::join_all(checks.iter().map(Check::outcome)).await;
    let failed: Vec<FieldError> = checks
        .iter()
        .zip(outcomes)
        .filter_map(|(check, outcome)| outcome.err().map(|detail| FieldError { field: check.name.to_owned(), detail }))
        .collect();
    if failed.is_empty() {
        let parts = checks.iter().map(|check| check.name).collect();
        return HttpResponse::Ok().json(Health { status: "ready", parts });
    }
    let names: Vec<&str> = failed.iter().map(|failure| failure.field.as_str()).collect();
    let detail = format!("not ready: {}", names.join(", "));
    problem_response(Problem::new(Code::Unavailable, detail).with_errors(failed))
}
