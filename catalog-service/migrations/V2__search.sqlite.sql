-- Full-text search over the books that are sold. The words come from the service, folded and separated by spaces, so
-- that both engines find the same; the tokenizer only cuts at the spaces.
create virtual table book_search using fts5 (
    title,
    author,
    topic,
    tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* S* P* C*'"
);
