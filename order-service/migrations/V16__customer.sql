-- Whoever has placed an order that is to be paid. His row is locked by the transaction that places the next one: of two of
-- his at once the second counts what is unpaid only after the first has committed.
create table customer (
    -- The principal, as in `orders`.
    customer text not null primary key,
    -- Orders that he was let place.
    placed bigint not null,
    constraint customer_placed_check check (placed >= 1)
);

-- What is counted: orders that hold copies and wait for their money.
create index orders_unpaid on orders (customer)
    where state = 'pending' and flow = 'checkout' and payment_method <> 'on_delivery';
