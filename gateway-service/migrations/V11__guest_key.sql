-- The key under which guests' tokens are signed: one row for ever, made on the first start. Whoever replaces it sends
-- every guest away from his orders.
create table guest_key (
    only_row bigint primary key,
    secret bytea not null,
    constraint guest_key_only_row_check check (only_row = 1)
);
