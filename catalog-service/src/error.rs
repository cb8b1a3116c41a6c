use service_kit::{
    db::DbError,
    idempotency::{Kept, Refusal},
};
use shared_types::{BookId, Code, FieldError, Problem, TakingId, limits::MAX_BOOK_COPIES};

/// Why something was not done. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("there is no book {0}")]
    BookNotFound(BookId),
    #[error("there is no book with the ISBN {0}")]
    IsbnNotFound(String),
    #[error("there is no taking {0}")]
    TakingNotFound(TakingId),
    #[error("another book has this SKU")]
    SkuTaken,
    #[error("another book has this ISBN")]
    IsbnTaken,
    #[error("the book is at version {0}")]
    VersionMismatch(i64),
    #[error("{0} copies are on hand")]
    StockTooLow(i64),
    #[error("a book has at most {MAX_BOOK_COPIES} copies")]
    StockTooHigh,
    #[error("{0} was used for something else")]
    IdReused(String),
    #[error("the books of an import change faster than they can be read")]
    Overtaken,
    #[error(transparent)]
    Kept(#[from] Kept),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refusal for CatalogError {
    fn refusal(&self) -> Option<Problem> {
        let field = |field: &str, detail: &str| vec![FieldError { field: field.to_owned(), detail: detail.to_owned() }];
        let detail = self.to_string();
        Some(match self {
            CatalogError::BookNotFound(_) | CatalogError::IsbnNotFound(_) => Problem::new(Code::BookNotFound, detail),
            CatalogError::TakingNotFound(_) => Problem::new(Code::TakingNotFound, detail),
            CatalogError::SkuTaken => {
                Problem::new(Code::SkuTaken, detail).with_errors(field("sku", "is another book's"))
            }
            CatalogError::IsbnTaken => {
                Problem::new(Code::IsbnTaken, detail).with_errors(field("isbn", "is another book's"))
            }
            CatalogError::VersionMismatch(_) => Problem::new(Code::VersionMismatch, detail),
            CatalogError::StockTooLow(_) => Problem::new(Code::StockTooLow, detail),
            CatalogError::StockTooHigh => Problem::invalid("delta", detail),
            CatalogError::IdReused(_) => Problem::new(Code::IdReused, detail),
            CatalogError::Overtaken => Problem::new(Code::Unavailable, detail),
            CatalogError::Kept(_) | CatalogError::Db(_) => return None,
        })
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Problem {
        match (error.refusal(), error) {
            (Some(problem), _) => problem,
            (None, CatalogError::Kept(kept)) => kept.into(),
            (None, CatalogError::Db(error)) => error.into(),
            (None, other) => Problem::new(Code::Internal, other.to_string()),
        }
    }
}
