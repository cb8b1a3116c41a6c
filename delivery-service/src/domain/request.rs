use shared_types::{
    FieldError, FieldErrors,
    deliveries::{AssignCourierRequest, BookDeliveryRequest},
};

use super::{Booking, DEFAULT_COURIER, MAX_COURIER_NAME_CHARS, MAX_NOTE_CHARS};

impl Booking {
    /// What was asked for, with the default courier where none was named.
    pub fn read(request: BookDeliveryRequest) -> Result<Booking, Vec<FieldError>> {
        let mut faults = FieldErrors::default();
        request.address.check(&mut faults);
        let courier = request.courier.unwrap_or_else(|| DEFAULT_COURIER.to_owned());
        faults.check_text("courier", &courier, MAX_COURIER_NAME_CHARS);
        faults.none()?;
        Ok(Booking { address: request.address, courier })
    }
}

/// The name of the courier to assign.
pub fn courier_name(request: AssignCourierRequest) -> Result<String, Vec<FieldError>> {
    let mut faults = FieldErrors::default();
    faults.check_text("courier", &request.courier, MAX_COURIER_NAME_CHARS);
    faults.none()?;
    Ok(request.courier)
}

/// The note of a move.
pub fn note(note: Option<String>) -> Result<Option<String>, Vec<FieldError>> {
    let mut faults = FieldErrors::default();
    if let Some(note) = &note {
        faults.check_text("note", note, MAX_NOTE_CHARS);
    }
    faults.none()?;
    Ok(note)
}
