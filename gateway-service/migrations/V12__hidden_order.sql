-- Orders that a client of the inventory contract has deleted: canceled, kept for the books, and shown to that contract no
-- more. Nothing is ever taken out of it: an order that is gone stays gone.
create table hidden_order (
    order_id  text not null primary key,
    hidden_us bigint not null
);
