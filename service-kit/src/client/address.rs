use hyper::{
    Uri,
    header::HeaderValue,
    http::uri::{Authority, PathAndQuery, Scheme},
};
use url::{Position, Url};

/// Where a service is. Every path that is asked for is a path there: our token goes nowhere else.
pub(super) struct Address {
    url: Url,
    authority: Authority,
    host: HeaderValue,
}

impl Address {
    /// Reads `http://host[:port]`. Whatever else stands in it (a path, a user) is no part of where the service is; an address
    /// that is not of http is none.
    pub(super) fn parse(base: &str) -> Option<Address> {
        let url: Url = base.parse().ok()?;
        if url.scheme() != "http" || url.host_str().is_none() {
            return None;
        }
        let place = &url[Position::BeforeHost..Position::AfterPort];
        let (authority, host) = (place.parse().ok()?, place.parse().ok()?);
        Some(Address { url, authority, host })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The value of `Host` (RFC 9110, 7.2).
    pub(super) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The address of `path`, which is percent-encoded and may have a query.
    pub(super) fn uri(&self, path: &str) -> Result<Uri, String> {
        // Whoever takes `//name` for an address would look for a host in it.
        if !path.starts_with('/') || path.starts_with("//") {
            return Err(format!("{path} leads elsewhere"));
        }
        let path: PathAndQuery = path.parse().map_err(|error| format!("{path} is no path: {error}"))?;
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone()).path_and_query(path).build();
        uri.map_err(|error| format!("no address: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_service_is_one_of_http() {
        for (base, host) in [
            ("http://127.0.0.1:8081", "127.0.0.1:8081"),
            ("http://catalog/", "catalog"),
            ("http://Catalog:80", "catalog"),
            ("http://[::1]:8081", "[::1]:8081"),
            ("http://ana:secret@catalog/shop?x=1", "catalog"),
        ] {
            assert_eq!(Address::parse(base).expect(base).host(), host, "{base}");
        }
        for base in ["https://catalog", "catalog:8081", "http://", "", "unix:/run/catalog"] {
            assert!(Address::parse(base).is_none(), "{base}");
        }
    }

    #[test]
    fn no_path_leads_to_another_host() {
        let service = Address::parse("http://127.0.0.1:8081").expect("an address");
        let uri = |path| service.uri(path).map(|uri| uri.to_string());
        assert_eq!(uri("/books?q=a%2Fb").as_deref(), Ok("http://127.0.0.1:8081/books?q=a%2Fb"));
        // Dots go no way up: they are sent as they are, and no route of ours has any.
        assert_eq!(uri("/books/../takings").as_deref(), Ok("http://127.0.0.1:8081/books/../takings"));
        for elsewhere in
            ["//evil.example/books", "http://evil.example/", "\\\\evil.example/", "http://127.0.0.1:8082/", "@evil", ""]
        {
            assert!(uri(elsewhere).is_err(), "{elsewhere}");
        }
        for broken in ["/a b", "/a\r\nhost: evil", "/\u{7f}"] {
            assert!(uri(broken).is_err(), "{broken:?}");
        }
    }
}
