-- The books of an author. His name is as good as random, so in a sorted index each new book changes a page that hardly
-- another one changes; a full-text index gathers what is new and merges it later. The name, as it is matched, is one word:
-- the digits of its bytes.
drop index book_author;
create virtual table book_author using fts5 (author_hex, tokenize = "ascii", detail = 'none', columnsize = 0);
insert into book_author (rowid, author_hex)
    select book_id, hex(author_key) from book where deleted_us is null and author_key is not null order by book_id;
