-- Full-text search over the books that are sold. The words come from the service, folded, as a finished vector: title
-- words carry weight A, the author's B, the topic's C. In a table of its own: a purchase rewrites its book's row, and
-- that row stays short.
create table book_search (
    book_id bigint primary key references book (book_id),
    document tsvector not null
);

-- Books are searched far more often than they are renamed, so no list of pending words is kept for a reader to go through.
create index book_search_document on book_search using gin (document) with (fastupdate = off);
