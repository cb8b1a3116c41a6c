//! A page of another site can make a browser send a request with our cookies. Such a request changes nothing here,
//! whatever the route: what browsers say of the sender (Fetch Metadata, `Origin`) cannot be set by a page.
//!
//! Programs send neither header and hold no cookie that they did not ask for, so they are let through. Forms of our own
//! pages carry a token besides (`identity::http::browser`).

use actix_web::{HttpRequest, http::header::HeaderMap};
use shared_types::{Code, Problem};

use crate::identity::Visit;

/// Our cookies begin like this, on https with a prefix that neighbouring hosts cannot set.
const OURS: [&str; 2] = ["lastcopy", "__Host-lastcopy"];

/// Refuses what a page of another site sends with our cookies, unless it only reads.
pub(super) fn refuse(request: &HttpRequest) -> Result<(), Problem> {
    if request.method().is_safe() || !carries_our_cookie(request.headers()) || !is_from_elsewhere(request) {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden, "a page of another site sent this with our cookies"))
}

fn is_from_elsewhere(request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or(""));
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => !origin.eq_ignore_ascii_case(&Visit::read(request).base),
        (None, None) => false,
    }
}

fn carries_our_cookie(headers: &HeaderMap) -> bool {
    let all = headers.get_all("cookie").filter_map(|value| value.to_str().ok());
    let mut names = all.flat_map(|value| value.split(';')).map(str::trim);
    names.any(|pair| OURS.iter().any(|ours| pair.starts_with(ours)))
}

#[cfg(test)]
mod tests {
    use actix_web::{http::Method, test::TestRequest};

    use super::*;

    fn refused(method: Method, headers: &[(&str, &str)]) -> bool {
        let mut request = TestRequest::default().method(method).insert_header(("host", "shop.example"));
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        refuse(&request.to_http_request()).is_err()
    }

    #[test]
    fn another_sites_page_changes_nothing_with_our_cookies() {
        let cookie = ("cookie", "theme=dark; lastcopy-guest=abc");
        for evil in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(refused(Method::POST, &[cookie, evil]), "{evil:?}");
            assert!(refused(Method::DELETE, &[("cookie", "__Host-lastcopy=abc"), evil]), "{evil:?}");
            assert!(!refused(Method::GET, &[cookie, evil]), "a reader changes nothing: {evil:?}");
            assert!(!refused(Method::POST, &[("cookie", "theme=dark"), evil]), "without our cookies: {evil:?}");
        }
    }

    #[test]
    fn our_own_pages_and_programs_are_let_through() {
        let cookie = ("cookie", "lastcopy=abc");
        for friend in [
            ("origin", "http://shop.example"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
            ("accept", "*/*"),
        ] {
            assert!(!refused(Method::POST, &[cookie, friend]), "{friend:?}");
        }
    }
}
