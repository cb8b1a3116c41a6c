-- The catalog's tables that a purchase writes, as its migrations leave them.
create table book (
    book_id integer primary key autoincrement,
    sku text not null,
    isbn text,
    title text not null,
    author text,
    topic text not null,
    title_key text not null,
    author_key text,
    topic_key text not null,
    first_year integer,
    price_minor integer not null check (price_minor >= 0),
    warn_limit integer not null check (warn_limit >= 0),
    on_hand integer not null check (on_hand >= 0),
    received integer not null,
    adjusted integer not null default 0,
    taken integer not null default 0 check (taken >= 0),
    last_adjustment integer not null default 0,
    version integer not null default 1,
    created_us integer not null,
    updated_us integer not null,
    deleted_us integer,
    check (received + adjusted = on_hand + taken)
) strict;

create unique index book_sku_key on book (sku) where deleted_us is null;
create unique index book_isbn_key on book (isbn) where deleted_us is null;
create index book_topic on book (topic_key, book_id) where deleted_us is null;
create index book_title on book (title_key, book_id) where deleted_us is null;
create index book_price on book (price_minor, book_id) where deleted_us is null;
create index book_isbn_withdrawn on book (isbn, book_id) where deleted_us is not null;

create table taking (
    taking_id text primary key,
    state text not null check (state in ('taken', 'refused', 'given_back')),
    asked text,
    refused text,
    decided_us integer not null,
    given_back_us integer,
    check ((state = 'refused') = (refused is not null)),
    check ((state = 'given_back') = (given_back_us is not null)),
    check (asked is not null or state = 'given_back')
) strict, without rowid;

create table taking_line (
    taking_id text not null references taking (taking_id),
    book_id integer not null references book (book_id),
    quantity integer not null check (quantity >= 1),
    title text not null,
    isbn text,
    price_minor integer not null,
    ledger_entry integer,
    primary key (taking_id, book_id)
) strict, without rowid;

create table stock_ledger (
    entry integer primary key autoincrement,
    book_id integer not null references book (book_id),
    kind text not null check (kind in ('received', 'adjusted', 'taken', 'given_back')),
    delta integer not null check (delta <> 0),
    reason text not null,
    actor text not null,
    taking_id text,
    at_us integer not null,
    check ((kind in ('taken', 'given_back')) = (taking_id is not null))
) strict;

create index stock_ledger_book on stock_ledger (book_id, entry);
