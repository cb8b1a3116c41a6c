use shared_types::{DeliveryId, deliveries::DeliveryStatus, orders::Address};

/// A delivery as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delivery {
    pub id: DeliveryId,
    /// Absent for one that was canceled before it was booked.
    pub parcel: Option<Parcel>,
    pub status: DeliveryStatus,
    /// Counts the changes, from 1.
    pub version: i64,
}

/// What is carried, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parcel {
    pub booking: Booking,
    /// Who has it now.
    pub courier: String,
}

/// What the order asked for. It never changes, so a repeated booking is known for the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Booking {
    pub address: Address,
    pub courier: String,
}

/// What may be asked of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Books it; repeated, it is the same booking.
    Book(Booking),
    /// Cancels it, also before it was booked; repeated, it stays canceled.
    Cancel,
    /// Moves the parcel to this status.
    Move(DeliveryStatus),
    /// Hands it to this courier.
    Assign(String),
}

/// Why a delivery did not do what was asked. Nothing of it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it was never booked")]
    NeverBooked,
    #[error("it was booked for another address or courier")]
    OtherBooking,
    #[error("it is canceled")]
    Canceled,
    #[error("it is {} and cannot become {}", name(*from), name(*to))]
    IllegalMove { from: DeliveryStatus, to: DeliveryStatus },
    #[error("it is {}, and another courier is named only while it is scheduled or failed", name(*.0))]
    WithItsCourier(DeliveryStatus),
}

/// A status as it travels and as it is stored.
pub const fn name(status: DeliveryStatus) -> &'static str {
    match status {
        DeliveryStatus::Scheduled => "scheduled",
        DeliveryStatus::Shipped => "shipped",
        DeliveryStatus::Delivered => "delivered",
        DeliveryStatus::Failed => "failed",
        DeliveryStatus::Returned => "returned",
        DeliveryStatus::Canceled => "canceled",
    }
}

/// The table of moves. What is not in it does not happen; a status is no move to itself.
pub const fn is_legal(from: DeliveryStatus, to: DeliveryStatus) -> bool {
    use DeliveryStatus::{Canceled, Delivered, Failed, Returned, Scheduled, Shipped};
    matches!(
        (from, to),
        (Scheduled, Shipped | Canceled) | (Shipped, Delivered | Failed) | (Failed, Scheduled | Returned)
    )
}

/// What the delivery is after the command. With the version that it had: nothing changed.
pub fn apply(id: DeliveryId, before: Option<&Delivery>, command: &Command) -> Result<Delivery, Refusal> {
    match (before, command) {
        (None, Command::Book(booking)) => {
            let parcel = Parcel { booking: booking.clone(), courier: booking.courier.clone() };
            Ok(Delivery { id, parcel: Some(parcel), status: DeliveryStatus::Scheduled, version: 1 })
        }
        // The tombstone: a booking that is still on its way finds it and takes no effect.
        (None, Command::Cancel) => Ok(Delivery { id, parcel: None, status: DeliveryStatus::Canceled, version: 1 }),
        (None, Command::Move(_) | Command::Assign(_)) => Err(Refusal::NeverBooked),
        (Some(delivery), Command::Book(booking)) => booked_before(delivery, booking),
        (Some(delivery), Command::Cancel) if delivery.status == DeliveryStatus::Canceled => Ok(delivery.clone()),
        (Some(delivery), Command::Cancel) => moved(delivery, DeliveryStatus::Canceled),
        // Its order cancels it, and knows why; an approved order is not left without its parcel by anybody else.
        (Some(delivery), Command::Move(to @ DeliveryStatus::Canceled)) => {
            Err(Refusal::IllegalMove { from: delivery.status, to: *to })
        }
        (Some(delivery), Command::Move(to)) => moved(delivery, *to),
        (Some(delivery), Command::Assign(courier)) => assigned(delivery, courier),
    }
}

fn booked_before(delivery: &Delivery, booking: &Booking) -> Result<Delivery, Refusal> {
    match &delivery.parcel {
        Some(parcel) if parcel.booking != *booking => Err(Refusal::OtherBooking),
        // Booked and canceled since, or canceled first: either way no parcel leaves.
        _ if delivery.status == DeliveryStatus::Canceled => Err(Refusal::Canceled),
        _ => Ok(delivery.clone()),
    }
}

fn moved(delivery: &Delivery, to: DeliveryStatus) -> Result<Delivery, Refusal> {
    if is_legal(delivery.status, to) {
        Ok(Delivery { status: to, version: delivery.version + 1, ..delivery.clone() })
    } else {
        Err(Refusal::IllegalMove { from: delivery.status, to })
    }
}

fn assigned(delivery: &Delivery, courier: &str) -> Result<Delivery, Refusal> {
    match (delivery.status, &delivery.parcel) {
        (DeliveryStatus::Scheduled | DeliveryStatus::Failed, Some(parcel)) if parcel.courier == courier => {
            Ok(delivery.clone())
        }
        (DeliveryStatus::Scheduled | DeliveryStatus::Failed, Some(parcel)) => {
            let parcel = Parcel { courier: courier.to_owned(), ..parcel.clone() };
            Ok(Delivery { parcel: Some(parcel), version: delivery.version + 1, ..delivery.clone() })
        }
        (status, _) => Err(Refusal::WithItsCourier(status)),
    }
}

#[cfg(test)]
mod tests {
    use DeliveryStatus::{Canceled, Delivered, Failed, Returned, Scheduled, Shipped};

    use super::*;

    const ALL: [DeliveryStatus; 6] = [Scheduled, Shipped, Delivered, Failed, Returned, Canceled];

    fn id() -> DeliveryId {
        "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:d1".parse().expect("a delivery's id")
    }

    fn booking(street: &str) -> Booking {
        let address = Address {
            recipient: "Ana Lopez".into(),
            street: street.into(),
            city: "Porto".into(),
            postal_code: None,
            country: None,
        };
        Booking { address, courier: "local".into() }
    }

    fn delivery(status: DeliveryStatus) -> Delivery {
        let parcel = Parcel { booking: booking("12 Quay Street"), courier: "bicycle".into() };
        Delivery { id: id(), parcel: Some(parcel), status, version: 7 }
    }

    #[test]
    fn every_status_makes_the_moves_of_the_table_and_no_other() {
        let legal =
            [(Scheduled, Shipped), (Shipped, Delivered), (Shipped, Failed), (Failed, Scheduled), (Failed, Returned)];
        for from in ALL {
            for to in ALL {
                let after = apply(id(), Some(&delivery(from)), &Command::Move(to));
                let expected = if legal.contains(&(from, to)) {
                    Ok(Delivery { version: 8, ..delivery(to) })
                } else {
                    Err(Refusal::IllegalMove { from, to })
                };
                assert_eq!(after, expected, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn only_what_has_not_left_the_shop_is_canceled() {
        for from in ALL {
            let after = apply(id(), Some(&delivery(from)), &Command::Cancel);
            let expected = match from {
                Scheduled => Ok(Delivery { version: 8, ..delivery(Canceled) }),
                Canceled => Ok(delivery(Canceled)),
                Shipped | Delivered | Failed | Returned => Err(Refusal::IllegalMove { from, to: Canceled }),
            };
            assert_eq!(after, expected, "{from:?}");
        }
    }

    #[test]
    fn a_booking_repeated_changes_nothing_whatever_became_of_it() {
        for status in ALL {
            let same = apply(id(), Some(&delivery(status)), &Command::Book(booking("12 Quay Street")));
            let expected = if status == Canceled { Err(Refusal::Canceled) } else { Ok(delivery(status)) };
            assert_eq!(same, expected, "{status:?}");
            let other = apply(id(), Some(&delivery(status)), &Command::Book(booking("1 Other Street")));
            assert_eq!(other, Err(Refusal::OtherBooking), "{status:?}");
        }
    }

    #[test]
    fn a_delivery_canceled_before_its_booking_is_never_booked() {
        let tombstone = apply(id(), None, &Command::Cancel).expect("a tombstone");
        assert_eq!((tombstone.status, tombstone.version, &tombstone.parcel), (Canceled, 1, &None));
        assert_eq!(apply(id(), Some(&tombstone), &Command::Book(booking("anywhere"))), Err(Refusal::Canceled));
        assert_eq!(apply(id(), Some(&tombstone), &Command::Cancel), Ok(tombstone));
    }

    #[test]
    fn a_courier_is_changed_only_while_the_parcel_is_with_the_shop() {
        for status in ALL {
            let after = apply(id(), Some(&delivery(status)), &Command::Assign("lorry".into()));
            let again = apply(id(), Some(&delivery(status)), &Command::Assign("bicycle".into()));
            if matches!(status, Scheduled | Failed) {
                let after = after.expect("a delivery with another courier");
                assert_eq!((after.version, after.parcel.expect("a parcel").courier), (8, "lorry".to_owned()));
                assert_eq!(again, Ok(delivery(status)));
            } else {
                assert_eq!(after, Err(Refusal::WithItsCourier(status)));
                assert_eq!(again, Err(Refusal::WithItsCourier(status)));
            }
        }
        assert_eq!(apply(id(), None, &Command::Assign("lorry".into())), Err(Refusal::NeverBooked));
        assert_eq!(apply(id(), None, &Command::Move(Shipped)), Err(Refusal::NeverBooked));
    }
}
