use std::{fmt, str::FromStr};

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// What a token allows, as OAuth2 has it (RFC 6749 §3.3).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope {
            $($(#[$doc])* $name,)+
        }

        impl Scope {
            /// Every scope there is.
            pub const ALL: &'static [Scope] = &[$(Scope::$name),+];

            /// The scope as it travels.
            pub const fn text(self) -> &'static str {
                match self { $(Scope::$name => $text,)+ }
            }
        }

        $(
            #[doc = concat!("`", $text, "`, as the parameter of [`Scoped`](super::Scoped).")]
            #[derive(Debug, Clone, Copy)]
            pub enum $name {}

            impl ScopeName for $name {
                const SCOPE: Scope = Scope::$name;
            }
        )+
    };
}

/// A scope as a type, so that a handler's signature names it.
pub trait ScopeName: 'static {
    const SCOPE: Scope;
}

scopes! {
    /// See books and topics.
    ItemsRead = "items:read";
    /// Create, change and withdraw books.
    ItemsWrite = "items:write";
    /// See the stock ledger.
    StockRead = "stock:read";
    /// Adjust stock.
    StockWrite = "stock:write";
    /// See orders: one's own, or all of them for the staff.
    OrdersRead = "orders:read";
    /// Place, change and cancel orders.
    OrdersWrite = "orders:write";
    /// Approve, reject and refund orders.
    OrdersReview = "orders:review";
    /// See deliveries: one's own, or all of them for the staff.
    DeliveriesRead = "deliveries:read";
    /// Book, move and cancel deliveries; couriers.
    DeliveriesWrite = "deliveries:write";
    /// Create and change accounts of the staff.
    AccountsAdmin = "accounts:admin";
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A text that is no scope of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope")]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let found = Scope::ALL.iter().find(|scope| scope.text() == text);
        found.copied().ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// A set of scopes; on the wire a list with single spaces.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u16);

impl Scopes {
    pub const NONE: Scopes = Scopes(0);

    /// The set of these.
    pub const fn of(scopes: &[Scope]) -> Scopes {
        let mut bits = 0;
        let mut at = 0;
        while at < scopes.len() {
            bits |= 1 << scopes[at] as u16;
            at += 1;
        }
        Scopes(bits)
    }

    /// Every scope there is.
    pub const fn all() -> Scopes {
        Scopes::of(Scope::ALL)
    }

    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u16) != 0
    }

    /// What is in both: a client gets what it asked for as far as its owner has it.
    #[must_use]
    pub const fn and(self, other: Scopes) -> Scopes {
        Scopes(self.0 & other.0)
    }

    /// Whether all of this is in `other`.
    pub const fn is_within(self, other: Scopes) -> bool {
        self.0 & !other.0 == 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.contains(*scope))
    }

    /// Reads a list and passes over what it does not know: a token of a newer issuer grants nothing by it.
    pub fn known_in(text: &str) -> Scopes {
        text.split(' ').filter_map(|word| word.parse().ok()).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Scopes::NONE, |set, scope| Scopes(set.0 | Scopes::of(&[scope]).0))
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    /// Reads a list in which every word must be a scope.
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        text.split(' ').filter(|word| !word.is_empty()).map(str::parse).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, scope) in self.iter().enumerate() {
            let space = if position == 0 { "" } else { " " };
            write!(f, "{space}{scope}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_the_wire() {
        let set = Scopes::of(&[Scope::OrdersReview, Scope::ItemsRead]);
        assert_eq!(set.to_string(), "items:read orders:review");
        assert_eq!("orders:review items:read".parse(), Ok(set));
        assert_eq!(Scopes::all().iter().count(), Scope::ALL.len());
        assert_eq!("".parse(), Ok(Scopes::NONE));
    }

    #[test]
    fn an_unknown_word_grants_nothing() {
        assert_eq!("items:read items:*".parse::<Scopes>(), Err(UnknownScope("items:*".into())));
        assert_eq!(Scopes::known_in("items:read items:* ITEMS:WRITE"), Scopes::of(&[Scope::ItemsRead]));
        assert!(!Scopes::all().is_within(Scopes::known_in("items:read")));
    }
}
