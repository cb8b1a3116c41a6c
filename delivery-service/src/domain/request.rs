use shared_types::{
    FieldError,
    deliveries::{AssignCourierRequest, BookDeliveryRequest},
    orders::Address,
};

use super::{Booking, DEFAULT_COURIER, MAX_ADDRESS_FIELD_CHARS, MAX_COURIER_NAME_CHARS, MAX_NOTE_CHARS};

/// Everything that is wrong with a request, field by field.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<FieldError>);

impl Faults {
    pub(super) fn add(&mut self, field: &str, detail: impl Into<String>) {
        self.0.push(FieldError { field: field.to_owned(), detail: detail.into() });
    }

    /// One line of text that can be shown: control characters are refused, since no label has them and Postgres keeps no
    /// zero byte.
    pub(super) fn check_text(&mut self, field: &str, text: &str, max_chars: usize) {
        if text.trim().is_empty() {
            self.add(field, "must not be empty");
        } else if text.chars().count() > max_chars {
            self.add(field, format!("must have at most {max_chars} characters"));
        } else if text.chars().any(char::is_control) {
            self.add(field, "must not have control characters");
        }
    }

    pub(super) fn none(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}

impl Booking {
    /// What was asked for, with the default courier where none was named.
    pub fn read(request: BookDeliveryRequest) -> Result<Booking, Vec<FieldError>> {
        let mut faults = Faults::default();
        check_address(&request.address, &mut faults);
        let courier = request.courier.unwrap_or_else(|| DEFAULT_COURIER.to_owned());
        faults.check_text("courier", &courier, MAX_COURIER_NAME_CHARS);
        faults.none()?;
        Ok(Booking { address: request.address, courier })
    }
}

/// The name of the courier to assign.
pub fn courier_name(request: AssignCourierRequest) -> Result<String, Vec<FieldError>> {
    let mut faults = Faults::default();
    faults.check_text("courier", &request.courier, MAX_COURIER_NAME_CHARS);
    faults.none()?;
    Ok(request.courier)
}

/// The note of a move.
pub fn note(note: Option<String>) -> Result<Option<String>, Vec<FieldError>> {
    let mut faults = Faults::default();
    if let Some(note) = &note {
        faults.check_text("note", note, MAX_NOTE_CHARS);
    }
    faults.none()?;
    Ok(note)
}

fn check_address(address: &Address, faults: &mut Faults) {
    let required = [
        ("address.recipient", &address.recipient),
        ("address.street", &address.street),
        ("address.city", &address.city),
    ];
    for (field, text) in required {
        faults.check_text(field, text, MAX_ADDRESS_FIELD_CHARS);
    }
    if let Some(postal_code) = &address.postal_code {
        faults.check_text("address.postal_code", postal_code, MAX_ADDRESS_FIELD_CHARS);
    }
    if let Some(country) = &address.country
        && (country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()))
    {
        faults.add("address.country", "must be two capital letters (ISO 3166-1 alpha-2)");
    }
}
