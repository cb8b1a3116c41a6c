-- Copies of one book in an order, in the order in which they were asked for.
create table order_line (
    order_id text not null references orders (order_id),
    line bigint not null,
    book_id bigint not null,
    quantity bigint not null,
    -- What the buyer was shown, in minor units of the order's currency; null: any price is accepted.
    expected_minor bigint,
    -- What was in force when the copies were taken.
    title text,
    isbn text,
    price_minor bigint,
    primary key (order_id, line),
    constraint order_line_quantity_check check (quantity >= 1),
    -- The price that was shown is the price that is paid.
    constraint order_line_price_check check (price_minor is null or expected_minor is null or price_minor = expected_minor)
);
