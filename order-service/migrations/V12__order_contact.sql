-- Where messages about an order go: the customer's number as it was when he ordered. An order without one has no row.
create table order_contact (
    order_id text not null primary key references orders (order_id),
    -- E.164.
    phone text not null
);
