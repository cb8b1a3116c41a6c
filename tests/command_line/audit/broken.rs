use super::Sold;

/// What was done, to which database, how, and the checks that have to notice.
pub(super) type Broken = (&'static str, &'static str, String, &'static [&'static str]);

/// Everything that is done to copies of a sound shop.
pub(super) fn broken(sold: &Sold) -> Vec<Broken> {
    [
        broken_copies(sold),
        broken_takings(sold),
        broken_words_about_copies(sold),
        broken_orders(sold),
        broken_money(sold),
        broken_keys(sold),
        broken_parcels(sold),
    ]
    .concat()
}

fn broken_orders(sold: &Sold) -> Vec<Broken> {
    let Sold { collected, delivered, refused, .. } = sold;
    vec![
        (
            "an order that never comes to rest",
            "orders.db",
            format!(
                "update orders set due_at_us = 1, updated_at_us = updated_at_us - 3600000000 where order_id = '{collected}'"
            ),
            &["I4"][..],
        ),
        (
            "a move without an entry",
            "orders.db",
            format!("delete from order_history where order_id = '{collected}' and version = 1"),
            &["I5"],
        ),
        (
            "a move that its entry does not show",
            "orders.db",
            format!("update order_history set state = 'pending' where order_id = '{refused}' and state = 'canceled'"),
            &["I5"],
        ),
        (
            "an order that did not hear of its parcel",
            "orders.db",
            format!("update orders set delivery_version = delivery_version - 1 where order_id = '{delivered}'"),
            &["I5"],
        ),
    ]
}

fn broken_money(sold: &Sold) -> Vec<Broken> {
    let kept = |payment: &str| {
        format!(
            "insert into payment (payment_id, amount_minor, currency, status, captured_minor, refunded_minor, version, \
                                  created_at_us, updated_at_us) \
             values ('{payment}', 100, 'USD', 'succeeded', 100, 0, 1, 1, 1)"
        )
    };
    let unknown = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1";
    vec![
        ("money that is kept for no order", "payments.db", kept(unknown), &["I3"][..]),
        ("money that an order never asked for", "payments.db", kept(&format!("{}:1", sold.collected)), &["I3"]),
        (
            "an order that says it is paid, and nobody paid",
            "orders.db",
            format!(
                "update orders set payment = 'paid' where order_id = '{0}'; \
                 update order_history set payment = 'paid' where order_id = '{0}'",
                sold.collected
            ),
            &["I3"],
        ),
        (
            "a charge of another amount than the order's",
            "payments.db",
            format!("update payment set captured_minor = captured_minor + 1 where payment_id = '{}:1'", sold.charged),
            &["I3"],
        ),
        (
            "money given back behind a paid order's back",
            "payments.db",
            format!("update payment set refunded_minor = captured_minor where payment_id = '{}:1'", sold.charged),
            &["I3"],
        ),
        (
            "reported money given back behind a paid order's back",
            "orders.db",
            format!("update receipt set returned_at_us = 1, returned_by = 'x' where order_id = '{}'", sold.reported),
            &["I3"],
        ),
        (
            "reported money that a canceled order keeps",
            "orders.db",
            format!(
                "insert into receipt (event_id, order_id, payment_id, amount_minor, currency, received_at_us) \
                 values ('e', '{0}', '{0}:1', 100, 'USD', 1)",
                sold.refused
            ),
            &["I3"],
        ),
    ]
}

fn broken_keys(sold: &Sold) -> Vec<Broken> {
    let Sold { collected, refused, .. } = sold;
    let key = |change: &str| format!("update idempotency_key set {change} where order_id = '{collected}'");
    vec![
        (
            "two keys that wrote one order",
            "orders.db",
            format!(
                "insert into idempotency_key (principal, route, key, fingerprint, order_id, answer, created_at_us) \
                 select principal, route, 'another', fingerprint, order_id, answer, created_at_us \
                   from idempotency_key where order_id = '{collected}'"
            ),
            &["I6"][..],
        ),
        (
            "a key for an order that is not there",
            "orders.db",
            key("order_id = '01936f2e-7b1c-7cc3-98c4-dc0c0c07398f'"),
            &["I6"],
        ),
        ("a key for no order that was answered with one", "orders.db", key("order_id = null"), &["I6"]),
        ("a key that was never answered", "orders.db", key("answer = null"), &["I6"]),
        ("an answer that nobody can read", "orders.db", key("answer = 'done'"), &["I6"]),
        ("somebody else's key", "orders.db", key("principal = 'guest:somebody-else'"), &["I6"]),
        (
            "an answer about another order",
            "orders.db",
            key(&format!("answer = (select answer from idempotency_key where order_id = '{refused}')")),
            &["I6"],
        ),
        (
            "a caller who was told otherwise",
            "orders.db",
            key("answer = replace(answer, '\"state\":\"approved\"', '\"state\":\"rejected\"')"),
            &["I6"],
        ),
        (
            "a key that was answered with nothing",
            "deliveries.db",
            "insert into answered_request (principal, route, key, fingerprint, answer, answered_us) \
             values ('guest:g', 'POST /couriers', 'k', x'00', '', 1)"
                .to_owned(),
            &["I6"],
        ),
    ]
}

fn broken_parcels(sold: &Sold) -> Vec<Broken> {
    let Sold { scheduled, delivered, undelivered, .. } = sold;
    let unknown = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";
    vec![
        (
            "an event that is refused for good",
            "deliveries.db",
            format!(
                "insert into outbox_event (position, event_id, subject, body, time_us) \
                 values (1000, 'e', '{unknown}', '{{}}', 1); \
                 insert into outbox_delivery (subscriber_id, position, subject, held_until_us) \
                 select subscriber_id, 1000, '{unknown}', 9223372036854775807 from outbox_subscriber"
            ),
            &["I5"][..],
        ),
        (
            "a parcel that moved in secret",
            "deliveries.db",
            format!("update delivery set status = 'shipped' where order_id = '{scheduled}'"),
            &["I5"],
        ),
        (
            "a parcel that is lost",
            "deliveries.db",
            format!("delete from delivery where order_id = '{scheduled}'"),
            &["I7"],
        ),
        (
            "two parcels for one order",
            "deliveries.db",
            format!("update delivery set order_id = '{scheduled}' where order_id = '{delivered}'"),
            &["I7"],
        ),
        (
            "a parcel that nobody ordered",
            "deliveries.db",
            format!(
                "update delivery set order_id = '{unknown}', delivery_id = '{unknown}:d1', status = 'shipped' \
                  where delivery_id = '{undelivered}:d1'"
            ),
            &["I7"],
        ),
    ]
}

fn broken_copies(sold: &Sold) -> Vec<Broken> {
    let Sold { collected, .. } = sold;
    vec![
        (
            "a copy from nowhere",
            "catalog.db",
            "update book set on_hand = on_hand + 1 where book_id = 8".to_owned(),
            &["I1"][..],
        ),
        (
            "fewer copies than none",
            "catalog.db",
            "update book set on_hand = -1, adjusted = -1 - received + taken where book_id = 8".to_owned(),
            &["I1"],
        ),
        (
            "a sale that the row forgot",
            "catalog.db",
            "update book set on_hand = on_hand + 2, taken = 0 where book_id = 8".to_owned(),
            &["I1"],
        ),
        (
            "a sale that the ledger forgot",
            "catalog.db",
            "delete from stock_ledger where book_id = 8 and kind = 'taken'".to_owned(),
            &["I1"],
        ),
        (
            "a sale that row and ledger have twice",
            "catalog.db",
            format!(
                "insert into stock_ledger (book_id, kind, delta, reason, actor, taking_id, at_us) \
                 select book_id, kind, delta, reason, actor, taking_id, at_us from stock_ledger \
                  where taking_id = '{collected}:1'; \
                 update book set on_hand = on_hand - 2, taken = taken + 2 where book_id = 8"
            ),
            &["I1"],
        ),
    ]
}

/// What takings hold that the ledger, or an order, does not know.
fn broken_takings(sold: &Sold) -> Vec<Broken> {
    let Sold { collected, refused, .. } = sold;
    let unknown = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f";
    let taking = |id: &str| {
        format!("insert into taking (taking_id, state, asked, decided_us) values ('{id}', 'taken', '[]', 1)")
    };
    vec![
        (
            "copies given back behind an order's back",
            "catalog.db",
            format!("update taking set state = 'given_back', given_back_us = 1 where taking_id = '{collected}:1'"),
            &["I1", "I2"][..],
        ),
        (
            "other copies than were ordered",
            "catalog.db",
            format!("update taking_line set quantity = 3 where taking_id = '{collected}:1'"),
            &["I1", "I2"],
        ),
        (
            "another price than was ordered",
            "catalog.db",
            format!("update taking_line set price_minor = price_minor + 1 where taking_id = '{collected}:1'"),
            &["I2"],
        ),
        (
            "copies of a taking that the ledger never saw",
            "catalog.db",
            format!(
                "insert into taking_line (taking_id, book_id, quantity, title, price_minor) \
                 values ('{collected}:1', 9, 1, 'a book', 1)"
            ),
            &["I1", "I2"],
        ),
        (
            "copies of a taking that name an entry of another sale",
            "catalog.db",
            format!("update taking_line set ledger_entry = 1 where taking_id = '{collected}:1'"),
            &["I1"],
        ),
        (
            "nothing: a line that a replica of the version before wrote names no entry",
            "catalog.db",
            format!("update taking_line set ledger_entry = null where taking_id = '{collected}:1'"),
            &[],
        ),
        ("a second taking", "catalog.db", taking(&format!("{collected}:2")), &["I2"]),
        (
            "copies for an order that was refused",
            "catalog.db",
            format!("update taking set state = 'taken', refused = null where taking_id = '{refused}:1'"),
            &["I2"],
        ),
        ("copies for nobody", "catalog.db", taking(&format!("{unknown}:1")), &["I2"]),
    ]
}

/// What orders say of copies that the catalog tells otherwise.
fn broken_words_about_copies(sold: &Sold) -> Vec<Broken> {
    let Sold { collected, refused, .. } = sold;
    vec![
        (
            "an older attempt that still has its copies",
            "orders.db",
            format!("update orders set taking_n = taking_n + 1 where order_id = '{collected}'"),
            &["I2"][..],
        ),
        (
            "copies that a canceled order says it has",
            "orders.db",
            format!("update orders set stock = 'taken' where order_id = '{refused}'"),
            &["I2", "I5"],
        ),
        (
            "an approved order without copies",
            "orders.db",
            format!("update orders set stock = 'none' where order_id = '{collected}'"),
            &["I2", "I5"],
        ),
    ]
}
