use crate::FieldError;

/// Everything that is wrong with a request, field by field.
#[derive(Debug, Default)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    pub fn add(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), detail: detail.into() });
    }

    /// One line of text that can be shown: not empty, not too long, and without control characters, since no label has
    /// them and Postgres keeps no zero byte.
    pub fn check_text(&mut self, field: impl Into<String>, text: &str, max_chars: usize) {
        if text.trim().is_empty() {
            self.add(field, "must not be empty");
        } else if text.chars().count() > max_chars {
            self.add(field, format!("must have at most {max_chars} characters"));
        } else if text.chars().any(char::is_control) {
            self.add(field, "must not have control characters");
        }
    }

    /// `Ok` where nothing was added.
    pub fn none(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
