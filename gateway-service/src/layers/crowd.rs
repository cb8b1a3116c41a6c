//! A purchase that there is no room for is refused before anything else is done for it: what a refusal costs is taken from
//! those who are served. So whether there is room is found out first, and not after who asks and what he wants.

use actix_web::http::Method;
use shared_types::Problem;

use crate::clients::Upstream;

/// Where a crowd goes. Everything else asks the order service too seldom to be worth a look.
const PURCHASES: [&str; 3] = ["/api/v1/checkout", "/api/orders", "/orders"];
const BAZAR: &str = "/purchase/";

/// Refuses a purchase while as many wait for the order service as may.
pub(super) fn refuse(method: &Method, path: &str, order: Option<&Upstream>) -> Result<(), Problem> {
    order.filter(|_| is_purchase(method, path)).map_or(Ok(()), Upstream::has_room)
}

fn is_purchase(method: &Method, path: &str) -> bool {
    method == Method::POST && (PURCHASES.contains(&path) || path.starts_with(BAZAR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purchases_of_every_contract_are_what_a_crowd_does() {
        for path in ["/api/v1/checkout", "/purchase/7", "/api/orders", "/orders"] {
            assert!(is_purchase(&Method::POST, path), "{path}");
            assert!(!is_purchase(&Method::GET, path), "{path}");
        }
        assert!(!is_purchase(&Method::POST, "/api/v1/orders/7/cancel"), "to undo is let in");
    }
}
