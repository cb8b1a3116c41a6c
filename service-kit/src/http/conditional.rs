//! Whoever has an answer already is told so and not told again (RFC 9110 §13.1.2).

use actix_web::{
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
};

/// The versions that a reader has.
#[derive(Debug)]
pub(super) struct Known(Vec<String>);

impl Known {
    /// Of a request that only reads; nothing of any other.
    pub(super) fn of(request: &ServiceRequest) -> Known {
        let lists = request.headers().get_all(IF_NONE_MATCH).filter(|_| request.method().is_safe());
        let lists = lists.filter_map(|value| value.to_str().ok());
        Known(lists.flat_map(|list| list.split(',')).map(|tag| tag.trim().to_owned()).collect())
    }

    /// The answer, or 304 without a body where the reader has it.
    pub(super) fn applied_to(&self, answer: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        if self.0.is_empty() {
            return answer;
        }
        let tag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
        if answer.status() != StatusCode::OK || !tag.is_some_and(|tag| self.contains(tag)) {
            return answer;
        }
        let mut answer = answer.map_body(|_, _| BoxBody::new(()));
        *answer.response_mut().status_mut() = StatusCode::NOT_MODIFIED;
        answer.headers_mut().remove(CONTENT_TYPE);
        answer.headers_mut().remove(CONTENT_LENGTH);
        answer
    }

    /// A weak comparison: all that is asked for is whether the answer is another one.
    fn contains(&self, tag: &str) -> bool {
        self.0.iter().any(|known| known == "*" || known.trim_start_matches("W/") == tag)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{HttpResponse, body::MessageBody, http::Method, test::TestRequest};

    use super::*;

    fn answered(method: Method, known: &str, status: u16) -> (u16, bool) {
        let request = TestRequest::default().method(method).insert_header((IF_NONE_MATCH, known)).to_srv_request();
        let known = Known::of(&request);
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = HttpResponse::build(status).insert_header((ETAG, "\"3\"")).body("{}");
        let answer = known.applied_to(request.into_response(answer));
        let is_empty = answer.response().body().size().is_eof();
        (answer.status().as_u16(), is_empty)
    }

    #[test]
    fn who_has_the_version_is_told_so_and_nobody_else() {
        for (known, status) in [("\"3\"", 304), ("W/\"3\"", 304), ("\"1\", \"3\"", 304), ("*", 304), ("\"2\"", 200)] {
            assert_eq!(answered(Method::GET, known, 200), (status, status == 304), "{known}");
        }
        assert_eq!(answered(Method::POST, "\"3\"", 200), (200, false), "a change is answered in full");
        assert_eq!(answered(Method::GET, "*", 404), (404, false));
    }
}
