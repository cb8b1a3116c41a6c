//! What protects a person's browser, in one place: cookies, forged forms, and the headers of every page.
//!
//! - A cookie is `HttpOnly`, `SameSite=Lax` and, on https, `Secure` with the `__Host-` prefix: no script reads it, no
//!   other site's form carries it, no neighbouring host sets it.
//! - A form counts only from our own page: its `Origin` is ours, and it carries a token that is derived from a cookie of
//!   this browser and from who is signed in there.
//! - `GET` changes nothing.
//! - A page runs no script, is shown in no frame, loads nothing from elsewhere, and is kept by nobody.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, HttpResponseBuilder, dev::Payload, http::header::HeaderMap, web};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use paperclip::{actix::OperationModifier, v2::schema::Apiv2Schema};
use service_kit::http::Fail;
use sha2::Sha256;
use shared_types::Secret;

use crate::identity::{
    Identity,
    domain::Parameters,
    opaque::{Opaque, OpaqueKind},
};

/// The cookies: who is signed in, the key of this browser's forms, and which guest it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    SignIn,
    FormKey,
    Guest,
}

impl Cookie {
    const fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Cookie::SignIn, true) => "__Host-lastcopy",
            (Cookie::SignIn, false) => "lastcopy",
            (Cookie::FormKey, true) => "__Host-lastcopy-form",
            (Cookie::FormKey, false) => "lastcopy-form",
            (Cookie::Guest, true) => "__Host-lastcopy-guest",
            (Cookie::Guest, false) => "lastcopy-guest",
        }
    }
}

/// A browser's visit: what it says of itself that can be relied on.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Where the shop is for this visitor, such as `https://shop.example`.
    pub base: String,
    secure: bool,
    pub sign_in: Option<Secret>,
    form_key: Option<Secret>,
    /// Whether the request was sent by a page of ours.
    from_our_page: bool,
}

impl Visit {
    pub(crate) fn read(request: &HttpRequest) -> Visit {
        let configured = request.app_data::<web::Data<Identity>>().and_then(|identity| identity.public_url.clone());
        let headers = request.headers();
        let base = configured.unwrap_or_else(|| format!("http://{}", host(headers)));
        let secure = base.starts_with("https://");
        let cookie = |cookie: Cookie| cookie_value(headers, cookie.name(secure)).map(Secret::new);
        Visit {
            secure,
            sign_in: cookie(Cookie::SignIn),
            form_key: cookie(Cookie::FormKey),
            from_our_page: is_from(headers, &base),
            base,
        }
    }

    /// The guest's token alone: whoever has no other credential is asked for it with every request.
    pub(crate) fn guest_in(request: &HttpRequest) -> Option<Secret> {
        let identity = request.app_data::<web::Data<Identity>>();
        let secure = identity.is_some_and(|identity| identity.is_on_https());
        cookie_value(request.headers(), Cookie::Guest.name(secure)).map(Secret::new)
    }

    /// The token for the forms of a page, and the cookie that has to go with it where there is none yet.
    pub fn form_token(&mut self) -> (String, Option<String>) {
        let fresh = self.form_key.is_none().then(|| Opaque::fresh(OpaqueKind::FormKey).secret);
        let set = fresh.as_ref().map(|key| self.set_cookie(Cookie::FormKey, key));
        if fresh.is_some() {
            self.form_key = fresh;
        }
        (self.expected_token().unwrap_or_default(), set)
    }

    /// Whether this form was filled in on a page of ours, in this browser, by whoever is signed in there.
    pub fn sent(&self, form: &Parameters) -> bool {
        let (Some(mac), Some(token)) = (self.mac(), form.get("csrf")) else { return false };
        let token = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        self.from_our_page && mac.verify_slice(&token).is_ok()
    }

    fn expected_token(&self) -> Option<String> {
        Some(URL_SAFE_NO_PAD.encode(self.mac()?.finalize().into_bytes()))
    }

    fn mac(&self) -> Option<Hmac<Sha256>> {
        let key = self.form_key.as_ref()?.expose();
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("BUG: HMAC takes keys of any length");
        mac.update(b"lastcopy form\0");
        mac.update(self.sign_in.as_ref().map_or("", Secret::expose).as_bytes());
        Some(mac)
    }

    /// The header that sets a cookie until the browser is closed.
    pub fn set_cookie(&self, cookie: Cookie, value: &Secret) -> String {
        format!("{}={}; Path=/; HttpOnly; SameSite=Lax{}", cookie.name(self.secure), value.expose(), self.only_https())
    }

    /// The header that sets a cookie for so long.
    pub fn set_cookie_for(&self, cookie: Cookie, value: &Secret, lifetime_s: u32) -> String {
        format!("{}; Max-Age={lifetime_s}", self.set_cookie(cookie, value))
    }

    /// The header that removes a cookie.
    pub fn forget_cookie(&self, cookie: Cookie) -> String {
        let name = cookie.name(self.secure);
        format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{}", self.only_https())
    }

    const fn only_https(&self) -> &'static str {
        if self.secure { "; Secure" } else { "" }
    }

    /// The headers of a page beside those of every answer (`crate::layers`). `form_target` is where its form may lead to beside ourselves.
    pub fn page_headers(&self, response: &mut HttpResponseBuilder, form_target: &str) {
        let policy = format!(
            "default-src 'none'; style-src 'self'; form-action 'self' {form_target}; frame-ancestors 'none'; \
             base-uri 'none'"
        );
        response
            .insert_header(("content-type", "text/html; charset=utf-8"))
            .insert_header(("content-security-policy", policy))
            // Our own forms have to say their origin; nobody else learns which page it was.
            .insert_header(("referrer-policy", "same-origin"));
        self.answer_headers(response);
    }

    /// The headers of every answer to a browser.
    pub fn answer_headers(&self, response: &mut HttpResponseBuilder) {
        response.insert_header(("cache-control", "no-store"));
    }
}

/// The host that the browser asked for, if it is one.
fn host(headers: &HeaderMap) -> String {
    let text = headers.get("host").and_then(|value| value.to_str().ok()).unwrap_or("");
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    if plain && !text.is_empty() { text.to_ascii_lowercase() } else { "localhost".to_owned() }
}

/// By its `Origin`, or where there is none by what the browser says of the sender (Fetch Metadata).
fn is_from(headers: &HeaderMap, base: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("origin") {
        Some(origin) => origin.eq_ignore_ascii_case(base),
        None => text("sec-fetch-site") == Some("same-origin"),
    }
}

fn cookie_value(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all("cookie").filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

impl FromRequest for Visit {
    type Error = Fail;
    type Future = Ready<Result<Self, Fail>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Visit::read(request)))
    }
}

impl Apiv2Schema for Visit {}
impl OperationModifier for Visit {}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn visit(headers: &[(&str, &str)]) -> Visit {
        let mut request = TestRequest::default().insert_header(("host", "shop.example"));
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        Visit::read(&request.to_http_request())
    }

    fn form(token: &str) -> Parameters {
        Parameters::read(format!("csrf={token}").as_bytes()).expect("each once")
    }

    #[test]
    fn a_form_counts_only_from_our_page_in_this_browser_by_who_is_signed_in() {
        let (token, set) = visit(&[]).form_token();
        let set = set.expect("a browser without a key gets one");
        let key = set.split(';').next().expect("a pair").to_owned();
        let sent = |headers: &[(&str, &str)]| visit(headers).sent(&form(&token));
        let (ours, theirs) = (("origin", "http://shop.example"), ("origin", "http://evil.example"));
        assert!(sent(&[("cookie", &key), ours]));
        assert!(sent(&[("cookie", &key), ("sec-fetch-site", "same-origin")]));
        assert!(!sent(&[("cookie", &key)]));
        assert!(!sent(&[("cookie", &key), theirs]));
        assert!(!sent(&[("cookie", &key), ("origin", "null"), ("sec-fetch-site", "same-origin")]));
        assert!(!sent(&[("cookie", &key), ("sec-fetch-site", "same-site")]));
        assert!(!sent(&[ours]));
        assert!(!sent(&[("cookie", "lastcopy-form=other"), ours]));
        // Who signed in since then has another token.
        assert!(!sent(&[("cookie", &format!("{key}; lastcopy=lcb_somebody")), ours]));
        assert!(!visit(&[("cookie", &key), ours]).sent(&Parameters::default()));
    }

    #[test]
    fn on_https_a_cookie_belongs_to_this_host_alone() {
        let visit = Visit { base: "https://shop.example".into(), secure: true, ..visit(&[]) };
        let set = visit.set_cookie(Cookie::SignIn, &Secret::new("x"));
        assert_eq!(set, "__Host-lastcopy=x; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert!(visit.forget_cookie(Cookie::SignIn).contains("Max-Age=0"));
    }

    #[test]
    fn a_host_that_is_none_does_not_get_into_an_address() {
        let request = TestRequest::default().insert_header(("host", "shop.example/<script>")).to_http_request();
        assert_eq!(Visit::read(&request).base, "http://localhost");
    }
}
