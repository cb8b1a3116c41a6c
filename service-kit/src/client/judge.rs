//! What counts as an answer of ours.

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use shared_types::{Code, Problem};

use super::{NoAnswer, Outcome};

pub(super) fn judge<T: DeserializeOwned>(status: StatusCode, bytes: &[u8], expected: &[u16]) -> Outcome<T> {
    if expected.contains(&status.as_u16())
        && let Ok(answer) = serde_json::from_slice(if bytes.is_empty() { b"null" } else { bytes })
    {
        return Outcome::Done(answer);
    }
    match serde_json::from_slice::<Problem>(bytes) {
        Ok(problem) if is_definite(status, &problem) => Outcome::Refused(Box::new(problem)),
        Ok(problem) => Outcome::Unknown(NoAnswer(problem.to_string())),
        Err(_) => Outcome::Unknown(NoAnswer(format!("an answer {status} that is none of ours"))),
    }
}

impl<T> Outcome<T> {
    /// What a problem in an answer about several calls says of one of them: the same as if it had been asked alone.
    pub fn of_problem(problem: Problem) -> Outcome<T> {
        match StatusCode::from_u16(problem.status) {
            Ok(status) if is_definite(status, &problem) => Outcome::Refused(Box::new(problem)),
            Ok(_) | Err(_) => Outcome::Unknown(NoAnswer(problem.to_string())),
        }
    }
}

/// A 4xx is definite unless it speaks of the moment, shows that we never reached the handler we meant, or is about our
/// token and not about the call: keys come and go.
fn is_definite(status: StatusCode, problem: &Problem) -> bool {
    let momentary =
        [StatusCode::UNAUTHORIZED, StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    status.is_client_error()
        && status.as_u16() == problem.status
        && !momentary.contains(&status)
        && !matches!(problem.code, Code::RouteNotFound | Code::MethodNotAllowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> &'static str {
        match judge::<serde_json::Value>(StatusCode::from_u16(status).expect("a status"), body.as_bytes(), &[200, 409])
        {
            Outcome::Done(_) => "done",
            Outcome::Refused(_) => "refused",
            Outcome::Unknown(_) => "unknown",
        }
    }

    #[test]
    fn only_an_answer_of_ours_is_an_answer() {
        let problem = |code| serde_json::to_string(&Problem::new(code, "")).expect("a problem serialises");
        assert_eq!(kind(200, "{}"), "done");
        assert_eq!(kind(409, r#"{"state": "refused"}"#), "done");
        assert_eq!(kind(422, &problem(Code::Invalid)), "refused");
        assert_eq!(kind(404, &problem(Code::BookNotFound)), "refused");
        assert_eq!(kind(404, &problem(Code::RouteNotFound)), "unknown");
        assert_eq!(kind(404, "<html>not here</html>"), "unknown");
        assert_eq!(kind(200, "<html>welcome to the hotel's network</html>"), "unknown");
        assert_eq!(kind(503, &problem(Code::Unavailable)), "unknown");
        assert_eq!(kind(500, &problem(Code::Internal)), "unknown");
        assert_eq!(kind(429, "{}"), "unknown");
        assert_eq!(kind(401, &problem(Code::Unauthorized)), "unknown");
        assert_eq!(kind(403, &problem(Code::Forbidden)), "refused");
        // A proxy that rewrites the status is not believed either.
        assert_eq!(kind(404, &problem(Code::Invalid)), "unknown");
    }
}
