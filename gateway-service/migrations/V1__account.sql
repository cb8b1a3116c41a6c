-- A person or a program's owner: who may sign in, and as what.
create table account (
    account_id text primary key,
    -- As its owner wrote it, for showing.
    username text not null,
    -- In lower case, for finding: Ana and ana are one name.
    username_lower text not null,
    email text not null,
    email_lower text not null,
    name text not null,
    -- E.164, where messages about orders go.
    phone text,
    role text not null,
    -- Argon2id as a PHC string, with its own salt and costs.
    password_hash text not null,
    -- Counted up to end every sign-in at once: what was given out under an older number is no longer good.
    generation bigint not null default 1,
    -- Set while an administrator keeps the account shut.
    disabled_at_us bigint,
    version bigint not null default 1,
    created_at_us bigint not null,
    updated_at_us bigint not null,
    constraint account_role_check check (role in ('customer', 'employee', 'administrator')),
    -- Two registrations of one name at the same time: the second insert is refused here, not by a look beforehand.
    constraint account_username_lower_key unique (username_lower),
    constraint account_email_lower_key unique (email_lower)
);

-- The list of accounts reads from the latest back.
create index account_created on account (created_at_us, account_id);
