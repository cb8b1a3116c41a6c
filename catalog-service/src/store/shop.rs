use service_kit::{
    db::{DbError, Tx},
    params,
};
use shared_types::Currency;

/// Settles the catalog's currency with its first start; answers the code it has. Prices are compared as minor units, so
/// a shop that changed its currency would sell ten of the one for ten of the other.
pub fn settle_currency(tx: &mut Tx<'_>, wanted: Currency) -> Result<String, DbError> {
    tx.execute("insert into shop_currency (one, code) values (1, $1) on conflict do nothing", &params![wanted.code()])?;
    tx.query_one("select code from shop_currency", &[])?.get("code")
}
