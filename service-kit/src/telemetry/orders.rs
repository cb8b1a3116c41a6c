//! Which order something is about, read off an address: ids of takings, payments and deliveries begin with their order's.

use uuid::Uuid;

/// Collections whose members are orders, or belong to one.
const OF_ORDERS: [&str; 4] = ["orders", "takings", "payments", "deliveries"];

/// Characters of an id as it is spelled in an address.
const ID_CHARS: usize = 36;

/// The order that stands behind a path, such as `/takings/<order>:1` or `/api/v1/orders/<order>/cancel?…`.
pub(crate) fn in_path(path: &str) -> Option<&str> {
    let mut segments = path.split('?').next()?.split('/');
    segments.find(|segment| OF_ORDERS.contains(segment))?;
    at_start(segments.next()?)
}

/// The order that an event is about, by the event's subject.
pub(crate) fn in_subject(subject: &str) -> Option<&str> {
    at_start(subject.strip_prefix("order/").unwrap_or(subject))
}

/// An attempt's number stands behind a colon, which may be escaped.
fn at_start(text: &str) -> Option<&str> {
    let (id, rest) = text.split_at_checked(ID_CHARS)?;
    let is_whole = rest.is_empty() || rest.starts_with([':', '%']);
    (is_whole && Uuid::try_parse(id).is_ok()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";

    #[test]
    fn whatever_belongs_to_an_order_names_it() {
        for path in ["/orders/{}", "/api/v1/orders/{}/cancel", "/takings/{}:1/give-back", "/payments/{}:2?wait=1"] {
            assert_eq!(in_path(&path.replace("{}", ORDER)), Some(ORDER), "{path}");
        }
        assert_eq!(in_path(&format!("/deliveries/{ORDER}%3Ad1")), Some(ORDER));
        for subject in [ORDER.to_owned(), format!("order/{ORDER}")] {
            assert_eq!(in_subject(&subject), Some(ORDER));
        }
    }

    #[test]
    fn what_belongs_to_none_names_none() {
        for path in
            ["/orders", "/orders/", "/orders/17", "/checkout", "/books/8?q=/orders/", "/webhooks/{}", "/orders/{}x"]
        {
            assert_eq!(in_path(&path.replace("{}", ORDER)), None, "{path}");
        }
        for subject in ["book/8", "", "order/ä1936f2e-7b1c-7cc3-98c4-dc0c0c07398f"] {
            assert_eq!(in_subject(subject), None, "{subject}");
        }
    }
}
