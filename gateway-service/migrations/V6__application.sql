-- A program that its owner registered: people let it act for them, or it acts for itself (OAuth2).
create table application (
    -- The `client_id` (RFC 6749 §2.2); not a secret.
    application_id text primary key,
    account_id text not null references account (account_id),
    -- Shown to whoever is asked for consent.
    name text not null,
    -- Only the hash of a confidential application's secret. Null for a public one: a program in its users' hands keeps
    -- no secret.
    secret_sha256 bytea,
    -- Compared letter by letter; one per line.
    redirect_uris text not null,
    -- What it may ask for at most, separated by spaces.
    scopes text not null,
    -- Whether it may act for itself.
    client_credentials bigint not null,
    version bigint not null default 1,
    created_at_us bigint not null,
    -- Set when its owner removed it: nothing of it is good any more.
    deleted_at_us bigint,
    -- Whoever cannot keep a secret cannot prove that it is he who acts for himself.
    constraint application_credentials_check check (client_credentials = 0 or secret_sha256 is not null)
);

create index application_account on application (account_id, application_id);
