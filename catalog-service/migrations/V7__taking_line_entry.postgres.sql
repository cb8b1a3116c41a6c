-- A taking's line names its entry in the ledger. The ledger has an index of books, so it also leads to the takings of a book,
-- and a second such index, of which each purchase changes a page that hardly another one changes, has nothing left to do.

-- The entry that took these copies off the shelf. None: not known, so it is looked for in the ledger of the book.
alter table taking_line add column ledger_entry bigint;

update taking_line l set ledger_entry = e.entry
  from stock_ledger e
 where e.taking_id = l.taking_id and e.book_id = l.book_id and e.kind = 'taken';

drop index taking_line_book;
