//! Contracts of other shop back ends, so that their clients work here unchanged. Translation only: every rule is that of
//! the service which is asked.

/// The three-tier book bazaar.
mod bazar;
/// Inventory, sales and delivery behind one API key.
mod bookstore;
/// Products, and orders that wait for their payment.
mod inventory;
/// Data access with the whole production surface.
mod items;
/// What several contracts ask in the same words.
mod phrases;

use std::{fmt, str::FromStr, sync::Arc};

use paperclip::actix::web::{Data, ServiceConfig};

use crate::store::HiddenOrders;

/// A contract that the gateway can speak beside its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Bazar,
    Bookstore,
    Inventory,
    Items,
}

impl Dialect {
    /// Every contract there is.
    pub const ALL: [Dialect; 4] = [Dialect::Bazar, Dialect::Bookstore, Dialect::Inventory, Dialect::Items];

    const fn name(self) -> &'static str {
        match self {
            Dialect::Bazar => "bazar",
            Dialect::Bookstore => "bookstore",
            Dialect::Inventory => "inventory",
            Dialect::Items => "items",
        }
    }
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
        let read = |name: &str| {
            let known = Dialect::ALL.into_iter().find(|dialect| dialect.name() == name.trim());
            known.ok_or_else(|| {
                format!("{name:?} is no dialect; there are {}, and none to switch all off", Dialects::default())
            })
        };
        text.split(',').map(read).collect::<Result<_, _>>().map(Dialects)
    }
}

impl fmt::Display for Dialects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|dialect| dialect.name()).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(","))
    }
}

impl Default for Dialects {
    fn default() -> Self {
        Dialects(Dialect::ALL.to_vec())
    }
}

pub(crate) fn routes(config: &mut ServiceConfig, dialects: &Dialects, hidden: &Arc<HiddenOrders>) {
    config.app_data(Data::from(Arc::clone(hidden)));
    for dialect in &dialects.0 {
        match dialect {
            Dialect::Bazar => bazar::routes(config),
            Dialect::Bookstore => bookstore::routes(config),
            Dialect::Inventory => inventory::routes(config),
            Dialect::Items => items::routes(config),
        }
    }
}
