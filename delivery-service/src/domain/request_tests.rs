//! What requests about parcels and couriers have to be, at their limits.

use shared_types::{
    FieldError,
    deliveries::{
        AssignCourierRequest, BookDeliveryRequest, CreateCourierRequest, DeliveryStatus, UpdateCourierRequest,
    },
    orders::Address,
};

use super::{
    Booking, DEFAULT_COURIER, MAX_COURIER_NAME_CHARS, MAX_NOTE_CHARS, MAX_PHONE_CHARS, NewCourier, UpdateCourier,
    courier_name, name, note,
};

/// The fields that a request was refused for.
fn fields<T: std::fmt::Debug>(read: Result<T, Vec<FieldError>>) -> Vec<String> {
    read.expect_err("refused").into_iter().map(|error| error.field).collect()
}

/// A text of so many characters, each of two bytes.
fn text(chars: usize) -> String {
    "é".repeat(chars)
}

fn address() -> Address {
    Address {
        recipient: "Ana Lopez".to_owned(),
        street: "12 Quay Street".to_owned(),
        city: "Porto".to_owned(),
        postal_code: None,
        country: None,
    }
}

#[test]
fn a_status_is_stored_as_it_travels() {
    for status in [
        DeliveryStatus::Scheduled,
        DeliveryStatus::Shipped,
        DeliveryStatus::Delivered,
        DeliveryStatus::Failed,
        DeliveryStatus::Returned,
        DeliveryStatus::Canceled,
    ] {
        assert_eq!(serde_json::to_value(status).expect("a word"), name(status));
    }
}

#[test]
fn a_courier_has_a_name_without_spaces_around_it_and_perhaps_a_telephone() {
    let courier = |name: &str, phone: Option<&str>| {
        NewCourier::read(CreateCourierRequest { name: name.to_owned(), phone: phone.map(str::to_owned) })
    };
    let (longest, number) = (text(MAX_COURIER_NAME_CHARS), "1".repeat(MAX_PHONE_CHARS));
    let entered = courier(&longest, Some(&number)).expect("a courier");
    assert_eq!((entered.name, entered.phone), (longest, Some(number.clone())));
    assert_eq!(courier("two words", None).expect("a courier").phone, None);
    for name in ["", " ", " local", "local ", &text(MAX_COURIER_NAME_CHARS + 1)] {
        assert!(fields(courier(name, None)).iter().all(|field| field == "name"), "{name:?}");
    }
    assert_eq!(fields(courier("local ", Some(""))), ["name", "phone"]);
    assert_eq!(fields(courier("local", Some(&format!("{number}1")))), ["phone"]);
}

#[test]
fn of_a_courier_the_telephone_and_whether_he_works_are_changed() {
    let change = |phone: Option<&str>, active| {
        UpdateCourier::read(UpdateCourierRequest { phone: phone.map(str::to_owned), active })
    };
    let changed = change(Some("12"), Some(false)).expect("a change");
    assert_eq!((changed.phone.as_deref(), changed.active), (Some("12"), Some(false)));
    assert_eq!(fields(change(Some(""), None)), ["phone"]);
    assert_eq!(change(None, None), Ok(UpdateCourier { phone: None, active: None }));
}

#[test]
fn a_parcel_goes_to_an_address_by_the_courier_who_is_named_or_by_the_usual_one() {
    let book = |courier: Option<&str>, address| {
        Booking::read(BookDeliveryRequest { courier: courier.map(str::to_owned), address, customer: None })
    };
    assert_eq!(book(None, address()), Ok(Booking { address: address(), courier: DEFAULT_COURIER.to_owned() }));
    assert_eq!(book(Some("bicycle"), address()).expect("a booking").courier, "bicycle");
    let nowhere = Address { city: String::new(), ..address() };
    let refused = fields(book(Some(""), nowhere));
    assert!(refused.contains(&"courier".to_owned()) && refused.len() == 2, "{refused:?}");
}

#[test]
fn the_name_of_a_courier_who_is_assigned_and_the_note_of_a_move_are_taken_as_they_are() {
    let assign = |courier: String| courier_name(AssignCourierRequest { courier });
    assert_eq!(assign("lorry".to_owned()), Ok("lorry".to_owned()));
    assert_eq!(fields(assign(text(MAX_COURIER_NAME_CHARS + 1))), ["courier"]);
    assert_eq!(note(None), Ok(None));
    assert_eq!(note(Some(text(MAX_NOTE_CHARS))), Ok(Some(text(MAX_NOTE_CHARS))));
    for wrong in [String::new(), text(MAX_NOTE_CHARS + 1)] {
        assert_eq!(fields(note(Some(wrong))), ["note"]);
    }
}
