//! Asking again: only what is the same effect when it comes twice, only while somebody waits for the answer, and only so
//! often that repeating is not the load which keeps a service from answering.

use std::time::Duration;

use rand::RngExt;
use service_kit::{Client, NoAnswer, RawAnswer, RequestContext, Silence};
use shared_types::{Code, Problem};

use super::Ask;

/// How often a request is sent at most, where sending it again has no second effect.
const MAX_SENDS: u32 = 3;
/// The pause before a first repetition; it doubles, each shortened at random by up to a half.
const FIRST_PAUSE_MS: u64 = 40;
/// A service that names a later time than this is not waited for: whoever asks is told to come again.
const LONGEST_WAIT_S: i64 = 1;

/// Why there is no answer to pass on.
pub(super) enum Unanswered {
    /// Nothing was carried out.
    Refused(Problem),
    /// Something may have been carried out.
    Silent { reason: NoAnswer, retry_after_s: Option<i64> },
}

/// Sends a request until there is an answer, or no use in sending it again. A 5xx is an answer to nobody.
pub(super) async fn until_answered(client: &Client, part: &str, ask: &Ask<'_>) -> Result<RawAnswer, Unanswered> {
    let sends = if ask.repeatable { MAX_SENDS } else { 1 };
    let mut sent = 0;
    loop {
        let answered = client.attempt(ask.method.clone(), &ask.path, &ask.headers, ask.body.clone()).await;
        sent += 1;
        let (reason, retry_after_s) = match answered {
            Ok(answer) if !answer.status.is_server_error() => return Ok(answer),
            Ok(answer) if is_too_busy(&answer) => return Err(Unanswered::Refused(busy(part, &answer))),
            Ok(answer) => (NoAnswer(format!("answered {}", answer.status)), answer.retry_after_s()),
            // What an earlier send did is not known, whatever keeps this one from being sent.
            Err(Silence::NotSent(why)) if sent == 1 => return Err(Unanswered::Refused(why.problem(part))),
            Err(silence) => (silence.into(), None),
        };
        if sent >= sends || !wait(pause(sent, retry_after_s)).await || !client.may_repeat() {
            return Err(Unanswered::Silent { reason, retry_after_s });
        }
    }
}

/// A service that takes nothing more on has not looked at the request.
fn is_too_busy(answer: &RawAnswer) -> bool {
    answer.status.as_u16() == Code::Overloaded.status()
        && serde_json::from_slice::<Problem>(&answer.body).is_ok_and(|problem| problem.code == Code::Overloaded)
}

fn busy(part: &str, answer: &RawAnswer) -> Problem {
    let problem = Problem::new(Code::Overloaded, format!("the {part} service is too busy"));
    problem.retry_after_s(answer.retry_after_s().unwrap_or(1))
}

/// When to send again; never, where the service names a time that is too late.
fn pause(sent: u32, retry_after_s: Option<i64>) -> Option<Duration> {
    match retry_after_s {
        Some(seconds) if seconds > LONGEST_WAIT_S => None,
        Some(seconds) if seconds > 0 => Some(Duration::from_secs(seconds.unsigned_abs())),
        _ => {
            let longest_ms = FIRST_PAUSE_MS << sent.saturating_sub(1).min(8);
            Some(Duration::from_millis(rand::rng().random_range(longest_ms / 2..=longest_ms)))
        }
    }
}

/// Waits, unless the one who asks would be gone by then.
async fn wait(pause: Option<Duration>) -> bool {
    let Some(pause) = pause else { return false };
    if RequestContext::current().time_left().is_some_and(|left| left <= pause) {
        return false;
    }
    // Nothing comes: the time-out is the end of the pause.
    tokio::time::timeout(pause, std::future::pending::<()>()).await.is_err()
}
