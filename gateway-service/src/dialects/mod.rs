//! Contracts of other shop back ends, so that their clients work here unchanged. Translation only: every rule is that of
//! the service which is asked.

/// The three-tier book bazaar.
mod bazar;

use std::{fmt, str::FromStr};

use paperclip::actix::web::ServiceConfig;

/// A contract that the gateway can speak beside its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Bazar,
}

/// The dialects that are switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialects(Vec<Dialect>);

impl FromStr for Dialects {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Dialects(Vec::new()));
        }
        let read = |name: &str| match name.trim() {
            "bazar" => Ok(Dialect::Bazar),
            other => Err(format!("{other:?} is no dialect; there is bazar, and none to switch all off")),
        };
        text.split(',').map(read).collect::<Result<_, _>>().map(Dialects)
    }
}

impl fmt::Display for Dialects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |dialect: &Dialect| match dialect {
            Dialect::Bazar => "bazar",
        };
        let names: Vec<&str> = self.0.iter().map(name).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(","))
    }
}

impl Default for Dialects {
    fn default() -> Self {
        Dialects(vec![Dialect::Bazar])
    }
}

pub(crate) fn routes(config: &mut ServiceConfig, dialects: &Dialects) {
    for dialect in &dialects.0 {
        match dialect {
            Dialect::Bazar => bazar::routes(config),
        }
    }
}
