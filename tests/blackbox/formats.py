"""What the document's formats mean, for schemathesis: valid values of forms that a pattern cannot describe."""

import schemathesis
from hypothesis import strategies as st


def isbn_13(nine):
    digits = "978" + nine
    check = (10 - sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(digits)) % 10) % 10
    return digits + str(check)


A_CURSOR = "5b2238225d"
ISBNS = st.text("0123456789", min_size=9, max_size=9).map(isbn_13)
LINES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_categories=["C", "Z"]), min_size=1, max_size=40)

schemathesis.openapi.format("isbn", ISBNS)
schemathesis.openapi.format("book", st.one_of(ISBNS, st.integers(1, 2**63 - 1).map(str)))
schemathesis.openapi.format("phone", st.from_regex(r"\A\+[1-9][0-9]{7,14}\Z"))
schemathesis.openapi.format("line", LINES)
# What a list gave out, as text: where a page of books ended.
schemathesis.openapi.format("cursor", st.just(A_CURSOR))
schemathesis.openapi.format("entity-tag", st.integers(0, 99).map('"{}"'.format))
schemathesis.openapi.format("password", st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=12, max_size=60))


@schemathesis.hook
def before_call(context, case, kwargs):
    """A cursor is good in the list that gave it out, and no text says which list that was: a good one is left out."""
    if case.query and case.query.get("cursor") == A_CURSOR:
        del case.query["cursor"]
