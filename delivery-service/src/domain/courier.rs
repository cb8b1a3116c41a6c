use shared_types::{
    FieldError, FieldErrors,
    deliveries::{CreateCourierRequest, UpdateCourierRequest},
};

use super::{MAX_COURIER_NAME_CHARS, MAX_PHONE_CHARS};

/// A courier to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCourier {
    pub name: String,
    pub phone: Option<String>,
}

/// What to change of a courier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateCourier {
    pub phone: Option<String>,
    pub active: Option<bool>,
}

impl NewCourier {
    pub fn read(request: CreateCourierRequest) -> Result<NewCourier, Vec<FieldError>> {
        let mut faults = FieldErrors::default();
        faults.check_text("name", &request.name, MAX_COURIER_NAME_CHARS);
        if request.name.trim() != request.name {
            faults.add("name", "must not begin or end with a space");
        }
        check_phone(request.phone.as_deref(), &mut faults);
        faults.none()?;
        Ok(NewCourier { name: request.name, phone: request.phone })
    }
}

impl UpdateCourier {
    pub fn read(request: UpdateCourierRequest) -> Result<UpdateCourier, Vec<FieldError>> {
        let mut faults = FieldErrors::default();
        check_phone(request.phone.as_deref(), &mut faults);
        faults.none()?;
        Ok(UpdateCourier { phone: request.phone, active: request.active })
    }
}

fn check_phone(phone: Option<&str>, faults: &mut FieldErrors) {
    if let Some(phone) = phone {
        faults.check_text("phone", phone, MAX_PHONE_CHARS);
    }
}
