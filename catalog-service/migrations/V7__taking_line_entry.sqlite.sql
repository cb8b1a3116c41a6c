-- A taking's line names its entry in the ledger. The ledger has an index of books, so it also leads to the takings of a book,
-- and a second such index, of which each purchase changes a page that hardly another one changes, has nothing left to do.
-- Takings and their lines stand in the order of their keys: one tree each where there were two.
alter table taking rename to taking_before;
alter table taking_line rename to taking_line_before;

create table taking (
    -- `<order>:<attempt>`, chosen by the order service: a repeated call is the same call.
    taking_id text primary key,
    -- `taken` may become `given_back`; `refused` and `given_back` are final.
    state text not null,
    -- What was asked for, lines merged and in book order: the same id with other lines is a mistake. None for a
    -- tombstone: it was given back before it was asked for, and whatever arrives late is refused.
    asked text,
    -- The lines that stood in the way, as they were answered: a refusal is repeated word for word.
    refused text,
    decided_us integer not null,
    given_back_us integer,
    constraint taking_state_check check (state in ('taken', 'refused', 'given_back')),
    constraint taking_refused_check check ((state = 'refused') = (refused is not null)),
    constraint taking_given_back_check check ((state = 'given_back') = (given_back_us is not null)),
    constraint taking_asked_check check (asked is not null or state = 'given_back')
) strict, without rowid;

-- The copies of a taking, with what was in force in the instant that took them.
create table taking_line (
    taking_id text not null references taking (taking_id),
    book_id integer not null references book (book_id),
    quantity integer not null,
    title text not null,
    isbn text,
    price_minor integer not null,
    -- The entry that took these copies off the shelf. None: not known, so it is looked for in the ledger of the book.
    ledger_entry integer,
    primary key (taking_id, book_id),
    constraint taking_line_quantity_check check (quantity >= 1)
) strict, without rowid;

insert into taking (taking_id, state, asked, refused, decided_us, given_back_us)
select taking_id, state, asked, refused, decided_us, given_back_us from taking_before order by taking_id;

-- In the order of the ledger, which is nearly that of the takings.
insert into taking_line (taking_id, book_id, quantity, title, isbn, price_minor, ledger_entry)
select l.taking_id, l.book_id, l.quantity, l.title, l.isbn, l.price_minor, e.entry
  from stock_ledger e cross join taking_line_before l on l.taking_id = e.taking_id and l.book_id = e.book_id
 where e.kind = 'taken'
 order by e.entry
    on conflict do nothing;

-- A line that the ledger does not know is not lost: the audit tells of it.
insert into taking_line (taking_id, book_id, quantity, title, isbn, price_minor)
select taking_id, book_id, quantity, title, isbn, price_minor from taking_line_before where true
    on conflict do nothing;

drop table taking_line_before;
drop table taking_before;
