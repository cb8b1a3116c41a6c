-- Which order took which copies. An id is decided once, and answers the same for ever.
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
    decided_us bigint not null,
    given_back_us bigint,
    constraint taking_state_check check (state in ('taken', 'refused', 'given_back')),
    constraint taking_refused_check check ((state = 'refused') = (refused is not null)),
    constraint taking_given_back_check check ((state = 'given_back') = (given_back_us is not null)),
    constraint taking_asked_check check (asked is not null or state = 'given_back')
);

-- The copies of a taking, with what was in force in the instant that took them.
create table taking_line (
    taking_id text not null references taking (taking_id),
    book_id bigint not null references book (book_id),
    quantity bigint not null,
    title text not null,
    isbn text,
    price_minor bigint not null,
    primary key (taking_id, book_id),
    constraint taking_line_quantity_check check (quantity >= 1)
);

-- Whoever asks what became of a book's copies asks by book.
create index taking_line_book on taking_line (book_id);
