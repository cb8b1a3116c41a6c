-- The order service's tables that a purchase writes, as its migrations leave them.
create table orders (
    order_id text not null primary key,
    version integer not null,
    state text not null,
    stock text not null,
    payment text not null,
    fulfillment text not null,
    payment_method text not null,
    currency text not null,
    address text,
    customer_ref text,
    taking_n integer not null,
    delivery_n integer not null,
    delivery_version integer not null,
    reason text,
    refused text,
    due_at_us integer,
    attempts integer not null default 0,
    created_at_us integer not null,
    updated_at_us integer not null,
    customer text not null,
    placed_by text not null,
    flow text not null default 'checkout' check (flow in ('checkout', 'review')),
    line_n integer not null default 0,
    pay_by_us integer check (pay_by_us is null or state in ('pending', 'approved')),
    lapsed integer not null default 0 check (lapsed = 0 or (lapsed = 1 and state = 'pending')),
    withdrawn integer not null default 0 check (withdrawn = 0 or (withdrawn = 1 and state = 'approved')),
    look_at_us integer,
    check (state <> 'approved' or withdrawn = 1 or stock = 'taken'),
    check (state in ('created', 'pending', 'approved', 'rejected', 'canceled')),
    check (stock in ('none', 'taking', 'taken', 'giving_back')),
    check (state not in ('rejected', 'canceled') or stock in ('none', 'giving_back')),
    check (state <> 'approved' or stock <> 'taking'),
    check (stock not in ('taking', 'giving_back') or due_at_us is not null),
    check (version >= 1 and taking_n >= 0 and delivery_n >= 0)
) strict;

create index orders_due on orders (due_at_us) where due_at_us is not null;
create index orders_state on orders (state, order_id);
create index orders_customer on orders (customer, order_id);
create index orders_look on orders (look_at_us) where look_at_us is not null;
create index orders_unpaid on orders (customer)
    where state = 'pending' and flow = 'checkout' and payment_method <> 'on_delivery';

create table order_line (
    order_id text not null references orders (order_id),
    line integer not null,
    book_id integer not null,
    quantity integer not null check (quantity >= 1),
    expected_minor integer,
    title text,
    isbn text,
    price_minor integer,
    primary key (order_id, line),
    check (price_minor is null or expected_minor is null or price_minor = expected_minor)
) strict, without rowid;

create table order_history (
    order_id text not null references orders (order_id),
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

create table notification (
    notification_id integer primary key autoincrement,
    order_id text not null references orders (order_id),
    version integer not null,
    state text not null,
    phone text,
    message text not null,
    status text not null check (status in ('queued', 'sending', 'sent', 'failed', 'unknown', 'no_phone')),
    attempts integer not null default 0,
    detail text,
    provider_id text,
    due_at_us integer,
    created_at_us integer not null,
    updated_at_us integer not null,
    unique (order_id, version),
    check ((status in ('queued', 'sending')) = (due_at_us is not null)),
    check ((phone is null) = (status = 'no_phone'))
) strict;

create index notification_due on notification (due_at_us) where due_at_us is not null;
create index notification_under_way on notification (order_id, notification_id) where due_at_us is not null;
create index notification_status on notification (status, notification_id);

create table idempotency_key (
    principal text not null,
    route text not null,
    key text not null,
    fingerprint blob not null,
    order_id text references orders (order_id) deferrable initially deferred,
    answer text,
    created_at_us integer not null,
    primary key (principal, route, key),
    check (order_id is not null or answer is not null)
) strict;

create index idempotency_key_order on idempotency_key (order_id);
create index idempotency_key_created on idempotency_key (created_at_us) where answer is not null;

create table payment (
    order_id text not null references orders (order_id),
    n integer not null,
    method text not null,
    amount_minor integer not null,
    token text,
    provider_ref text,
    state text not null,
    reason text,
    provider text check (provider is null or provider in ('sandbox', 'stripe', 'receipts')),
    primary key (order_id, n),
    check (method in ('card', 'invoice')),
    check (state in ('planned', 'charging', 'processing', 'canceling', 'succeeded',
                     'refunding', 'declined', 'canceled', 'refunded')),
    check (amount_minor >= 0 and (amount_minor = 0 or state <> 'planned')),
    check (token is null or state in ('planned', 'charging', 'processing'))
) strict;

create unique index payment_succeeded_key on payment (order_id) where state = 'succeeded';

create table inbox (
    source text not null,
    event_id text not null,
    primary key (source, event_id)
) strict;
