//! A route that has a stricter or a wider rule of its own (a page with a form) sets the header itself; every other answer
//! gets these.

/// Nothing of an answer runs, loads, is framed or sends a form.
const NOTHING: &str = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
/// The documentation pages run scripts of ours, none of which stands in a page; one of them makes its styles, and its
/// search is a worker that it makes. Nothing is loaded from elsewhere.
const DOCS: &str = "default-src 'none'; script-src 'self'; worker-src blob:; style-src 'self' 'unsafe-inline'; \
                    img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// On every answer. `nosniff` is the shell's, for every service.
const ALWAYS: [(&str, &str); 5] = [
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// A year.
const ONLY_HTTPS: (&str, &str) = ("strict-transport-security", "max-age=31536000");

/// The headers of an answer that does not set them itself.
pub(super) fn of(is_docs: bool, is_https: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    let policy = ("content-security-policy", if is_docs { DOCS } else { NOTHING });
    ALWAYS.into_iter().chain([policy]).chain(is_https.then_some(ONLY_HTTPS))
}
