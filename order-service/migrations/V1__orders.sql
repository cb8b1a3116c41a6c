-- An order as it stands: one row, moved by `update … where order_id = … and version = …` and by nothing else. (The
-- table is in the plural because `order` is a word of SQL.)
create table orders (
    -- A UUID of version 7 in its one spelling, so that later orders sort behind earlier ones.
    order_id text not null primary key,
    -- Counts the moves: whoever writes on a version that has passed changes no row.
    version bigint not null,
    state text not null,
    stock text not null,
    payment text not null,
    fulfillment text not null,
    payment_method text not null,
    currency text not null,
    -- JSON, read and written whole; nobody searches in it. Null: the buyer collects the books.
    address text,
    -- The caller's own reference, never interpreted.
    customer_ref text,
    -- Attempts to take copies; the last one is in force. It is written before the attempt is sent.
    taking_n bigint not null,
    -- The delivery that was booked (0: none) and the newest version of it that was heard of.
    delivery_n bigint not null,
    delivery_version bigint not null,
    reason text,
    -- JSON: the lines whose copies could not be taken.
    refused text,
    -- When the driver looks at the order next; null while it is at rest.
    due_at_us bigint,
    -- Calls in a row that had no answer: they lengthen the pause.
    attempts bigint not null default 0,
    created_at_us bigint not null,
    updated_at_us bigint not null,
    constraint orders_state_check check (state in ('created', 'pending', 'approved', 'rejected', 'canceled')),
    constraint orders_stock_check check (stock in ('none', 'taking', 'taken', 'giving_back')),
    -- A canceled order has no copies, or is giving them back.
    constraint orders_canceled_check check (state not in ('rejected', 'canceled') or stock in ('none', 'giving_back')),
    -- Nobody hears "approved" before the copies are there.
    constraint orders_approved_check check (state <> 'approved' or stock <> 'taking'),
    -- Copies on their way are somebody's business: no crash forgets them.
    constraint orders_due_check check (stock not in ('taking', 'giving_back') or due_at_us is not null),
    constraint orders_version_check check (version >= 1 and taking_n >= 0 and delivery_n >= 0)
);

-- The driver asks for what is due; most orders are at rest and not in here.
create index orders_due on orders (due_at_us) where due_at_us is not null;

-- The list by state, latest first.
create index orders_state on orders (state, order_id);
