-- Who wants to be told of what happens to orders, by a signed call to an address of his own.
create table webhook (
    webhook_id text not null primary key,
    url text not null,
    -- JSON: the names of the events, read and written whole.
    events text not null,
    description text,
    -- The secret with which messages are signed, as it was shown once: signing needs it readable.
    secret text not null,
    active bigint not null default 1,
    -- The principal who made it.
    created_by text not null,
    created_at_us bigint not null,
    updated_at_us bigint not null,
    -- A subscriber that was removed is told of nothing; the log of what he was told stays.
    deleted_at_us bigint,
    constraint webhook_active_check check (active in (0, 1))
);
