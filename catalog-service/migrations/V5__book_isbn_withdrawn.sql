-- Who repeats a purchase under its key may name the ISBN of a book that was withdrawn since. Without this every ISBN that
-- nobody knows was looked for among all books.
create index book_isbn_withdrawn on book (isbn, book_id) where deleted_us is not null;
