-- Every move of every order, written in the transaction of the move: who, when, which command, the axes afterwards.
create table order_history (
    order_id text not null references orders (order_id),
    -- The order's version after the move.
    version bigint not null,
    command text not null,
    state text not null,
    stock text not null,
    payment text not null,
    fulfillment text not null,
    actor text not null,
    reason text,
    at_us bigint not null,
    primary key (order_id, version)
);
