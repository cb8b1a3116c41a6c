-- Lines and moves of an order are found by the order and by nothing else, so they stand in the order of their keys: one tree
-- each where there were two, and every purchase writes both.
alter table order_line rename to order_line_before;
alter table order_history rename to order_history_before;

-- Copies of one book in an order, in the order in which they were asked for.
create table order_line (
    order_id text not null references orders (order_id),
    line integer not null,
    book_id integer not null,
    quantity integer not null,
    -- What the buyer was shown, in minor units of the order's currency; null: any price is accepted.
    expected_minor integer,
    -- What was in force when the copies were taken.
    title text,
    isbn text,
    price_minor integer,
    primary key (order_id, line),
    constraint order_line_quantity_check check (quantity >= 1),
    -- The price that was shown is the price that is paid.
    constraint order_line_price_check check (price_minor is null or expected_minor is null or price_minor = expected_minor)
) strict, without rowid;

-- Every move of every order, written in the transaction of the move: who, when, which command, the axes afterwards.
create table order_history (
    order_id text not null references orders (order_id),
    -- The order's version after the move.
    version integer not null,
    command text not null,
    state text not null,
    stock text not null,
    payment text not null,
    fulfillment text not null,
    actor text not null,
    reason text,
    at_us integer not null,
    primary key (order_id, version)
) strict, without rowid;

insert into order_line (order_id, line, book_id, quantity, expected_minor, title, isbn, price_minor)
select order_id, line, book_id, quantity, expected_minor, title, isbn, price_minor from order_line_before
 order by order_id, line;

insert into order_history (order_id, version, command, state, stock, payment, fulfillment, actor, reason, at_us)
select order_id, version, command, state, stock, payment, fulfillment, actor, reason, at_us from order_history_before
 order by order_id, version;

drop table order_line_before;
drop table order_history_before;
