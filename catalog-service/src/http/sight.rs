use service_kit::auth::{Caller, Permission, Refusal, Scope};
use shared_types::books::BookView;

/// The book as this caller may see it: how many copies there are is for `stock:read`.
pub fn of(caller: &Caller, book: BookView) -> BookView {
    if caller.may(Scope::StockRead) { book } else { BookView { on_hand: None, warn_limit: None, ..book } }
}

/// Whoever changes books sets their stock and its limit only with `stock:write`.
pub fn may_set_stock(caller: &Caller, wants_to: bool) -> Result<(), Refusal> {
    if wants_to && !caller.may(Scope::StockWrite) {
        return Err(Refusal::Forbidden(Permission::Scope(Scope::StockWrite)));
    }
    Ok(())
}
