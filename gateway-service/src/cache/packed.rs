//! An answer as a line of its headers and its body, for other gateways to read. Whatever does not read is no answer.

use std::collections::BTreeMap;

use actix_web::http::header::HeaderValue;
use service_kit::RawAnswer;

use super::reading::KEPT_HEADERS;

/// Only answers of 200 are kept.
pub(super) fn packed(answer: &RawAnswer) -> Vec<u8> {
    let headers: BTreeMap<&str, &str> =
        KEPT_HEADERS.iter().filter_map(|name| Some((*name, answer.header(name)?))).collect();
    let mut bytes = serde_json::to_vec(&headers).expect("BUG: text serialises");
    bytes.push(b'\n');
    bytes.extend_from_slice(&answer.body);
    bytes
}

pub(super) fn unpacked(bytes: &[u8]) -> Option<RawAnswer> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let said: BTreeMap<String, String> = serde_json::from_slice(&bytes[..end]).ok()?;
    let headers: Vec<(&'static str, &str)> =
        KEPT_HEADERS.iter().filter_map(|name| Some((*name, said.get(*name)?.as_str()))).collect();
    let is_header = |(_, text): &(&str, &str)| HeaderValue::from_str(text).is_ok();
    let body = std::str::from_utf8(&bytes[end + 1..]).ok().filter(|_| headers.iter().all(is_header))?;
    Some(RawAnswer::made(200.try_into().expect("BUG: a status"), &headers, body))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_back_as_it_was() {
        let headers = [("etag", "\"3\""), ("link", "</api/v1/books?cursor=x>; rel=\"next\"")];
        let answer = RawAnswer::made(200.try_into().unwrap(), &headers, "{\"title\": \"a\nb\"}");
        let back = unpacked(&packed(&answer)).unwrap();
        assert_eq!((back.status, &back.headers, &back.body), (answer.status, &answer.headers, &answer.body));
    }

    #[test]
    fn what_somebody_else_wrote_is_no_answer() {
        for bytes in [&b""[..], b"x", b"{}", b"[]\n{}", b"{\"etag\": 3}\n{}", b"{\"etag\": \"\\u0000\"}\n{}"] {
            assert!(unpacked(bytes).is_none(), "{bytes:?}");
        }
    }
}
