//! Limits that more than one service must agree on. Each name ends in its unit.

/// Rows in one page of a list when the caller names no `limit`.
pub const DEFAULT_PAGE_ROWS: i64 = 50;
/// Rows in one page of a list at most.
pub const MAX_PAGE_ROWS: i64 = 200;
/// Rows that a list may leave out at most, for clients that know no cursors.
pub const MAX_OFFSET_ROWS: i64 = 1_000_000;
/// Lines in one order at most.
pub const MAX_ORDER_LINES: usize = 100;
/// Copies in one line of an order at most: a robot cannot clear a shelf with one request.
pub const MAX_LINE_COPIES: i64 = 10;
/// Copies that one book can have, received or on hand, at most.
pub const MAX_BOOK_COPIES: i64 = 1_000_000_000;
/// Characters in a title or an author at most.
pub const MAX_TEXT_CHARS: usize = 1_000;
/// Characters in a topic at most.
pub const MAX_TOPIC_CHARS: usize = 200;
/// Copies in one line of a taking at most. Far more than an order line may have: the catalog guards sums, not robots.
pub const MAX_TAKING_COPIES: i64 = 1_000_000;
/// Characters in the reason of a stock adjustment, or in its id, at most.
pub const MAX_REASON_CHARS: usize = 255;
/// Characters in a SKU at most.
pub const MAX_SKU_CHARS: usize = 64;
/// Characters in one field of an address at most.
pub const MAX_ADDRESS_FIELD_CHARS: usize = 200;
/// Characters in a search query at most.
pub const MAX_QUERY_CHARS: usize = 200;
/// Characters in an `Idempotency-Key` at most.
pub const MAX_IDEMPOTENCY_KEY_CHARS: usize = 255;
/// Minor units that one price can have at most. Any amount of this size survives a reader that uses 64-bit floats.
pub const MAX_PRICE_MINOR: i64 = 999_999_999_999;
/// Minor units that one order can cost at most: every line at its longest, every copy at its dearest. It survives a reader
/// that uses 64-bit floats, too.
pub const MAX_TOTAL_MINOR: i64 = MAX_PRICE_MINOR * MAX_LINE_COPIES * MAX_ORDER_LINES as i64;
/// Characters in a provider's token for a card at most.
pub const MAX_CARD_TOKEN_CHARS: usize = 255;
/// Events in one batch between services at most.
pub const MAX_EVENT_BATCH: usize = 100;
/// Bytes in one batch of events at most.
pub const MAX_EVENT_BATCH_BYTES: usize = 1024 * 1024;
/// Takings, or looks at what could be taken, in one request, at most.
pub const MAX_TAKINGS_AT_ONCE: usize = 32;
/// Bytes of such a request, at most.
pub const MAX_TAKINGS_BYTES: usize = 1024 * 1024;
/// Books that are looked at with one request, at most.
pub const MAX_LOOKS_AT_ONCE: usize = 32;
/// Bookings of deliveries in one request, at most.
pub const MAX_BOOKINGS_AT_ONCE: usize = 32;
/// Bytes of such a request, at most.
pub const MAX_BOOKINGS_BYTES: usize = 1024 * 1024;
/// Rows in one import at most.
pub const MAX_IMPORT_ROWS: usize = 1_000;
/// Bytes in the body of one import at most.
pub const MAX_IMPORT_BYTES: usize = 4 * 1024 * 1024;
