//! The gateway's identity over HTTP. Every promise is kept on both engines.
#![expect(clippy::unwrap_used, reason = "tests")]

/// Opening, looking after and shutting accounts.
mod accounts;
/// An application of somebody else's, registered here.
mod app;
/// OAuth2: registering and managing applications, and what they do for themselves.
mod applications;
/// The audit log.
mod audit;
/// A browser: cookies, redirections, forms.
mod browser;
/// What is over goes.
mod cleanup;
/// Many who sign in at once.
mod crowd;
/// API keys, and what a demo adds.
mod keys;
/// What stands around every route: rates, headers, other sites' forgeries.
mod layers;
/// OAuth2: an application gets tokens and loses them.
mod oauth;
/// OAuth2: what a person sees, and what protects him.
mod pages;
/// Passwords: changed, forgotten, guessed.
mod passwords;
/// What another replica revoked.
mod replicas;
/// The service in this process, and people who call it.
mod shop;
/// A name and a password for a token.
mod sign_in;
/// Passwords tried in numbers.
mod spray;
