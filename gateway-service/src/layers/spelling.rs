//! Other shops' clients write some of our paths with a slash at the end, or below `/api/v1`. They are served where they
//! ask, without a redirect, which would lose the body of a POST.

use actix_web::{
    dev::ServiceRequest,
    http::{Uri, uri::PathAndQuery},
};

/// Below it a slash at the end of a path means nothing.
const API: &str = "/api/";
/// Pages stand here, whose own addresses end in a slash.
const PAGES: &str = "/api/schema/";
/// Where some look for what every service has at `/health/`.
const HEALTH: &str = "/api/v1/health/";

/// The request at the path under which our routes know it.
pub(super) fn canonical(mut request: ServiceRequest) -> ServiceRequest {
    let Some(path) = path(request.path()) else { return request };
    let whole = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = request.uri().clone().into_parts();
    // A part of a path that was readable, with its query as it came.
    let Ok(path_and_query) = PathAndQuery::from_maybe_shared(whole) else { return request };
    parts.path_and_query = Some(path_and_query);
    let Ok(uri) = Uri::from_parts(parts) else { return request };
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
    request
}

/// The path that is meant, where it is written in another way.
fn path(path: &str) -> Option<String> {
    if !path.starts_with(API) || path.starts_with(PAGES) {
        return None;
    }
    let bare = path.strip_suffix('/').filter(|bare| !bare.ends_with('/'));
    let health = bare.unwrap_or(path).strip_prefix(HEALTH).map(|probe| format!("/health/{probe}"));
    health.or_else(|| bare.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_means_nothing_below_the_api() {
        for (asked, meant) in [
            ("/api/books/", Some("/api/books")),
            ("/api/v1/items/", Some("/api/v1/items")),
            ("/api/v1/health/ready", Some("/health/ready")),
            ("/api/v1/health/live/", Some("/health/live")),
            ("/api/books", None),
            ("/api/books//", None),
            ("/api/schema/swagger-ui/", None),
            ("/o/token/", None),
            ("/", None),
            ("/docs/", None),
        ] {
            assert_eq!(path(asked).as_deref(), meant, "{asked}");
        }
    }
}
