use sha2::{Digest as _, Sha256};

use crate::db::Value;

/// What a table holds, whatever the order in which it is read: two engines order texts differently. The sum of the rows'
/// SHA-256, cut to 128 bits, and their number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Digest {
    rows: u64,
    sum: u128,
}

impl Digest {
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn add(&mut self, row: &[Value]) {
        let mut hash = Sha256::new();
        for value in row {
            // Kind and length first, so that no two rows are the same bytes.
            match value {
                Value::Null => hash.update([0]),
                Value::Int(number) => field(&mut hash, 1, &number.to_be_bytes()),
                Value::Text(text) => field(&mut hash, 2, text.as_bytes()),
                Value::Blob(bytes) => field(&mut hash, 3, bytes),
            }
        }
        let mut head = [0; 16];
        head.copy_from_slice(&hash.finalize()[..16]);
        self.rows += 1;
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(head));
    }
}

fn field(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update(bytes.len().to_be_bytes());
    hash.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(rows: &[&[Value]]) -> Digest {
        let mut digest = Digest::default();
        rows.iter().for_each(|row| digest.add(row));
        digest
    }

    #[test]
    fn the_order_of_rows_makes_no_difference_and_everything_else_does() {
        let (one, two) = ([Value::from(1), Value::from("a")], [Value::from(2), Value::Null]);
        assert_eq!(digest(&[&one, &two]), digest(&[&two, &one]));
        for other in [
            [Value::from("1"), Value::from("a")],
            [Value::from(1), Value::from("b")],
            [Value::from(1), Value::Blob(b"a".to_vec())],
            [Value::from("a"), Value::from(1)],
        ] {
            assert_ne!(digest(&[&one]), digest(&[&other]), "{other:?}");
        }
        let (ab, a) = ([Value::from("ab"), Value::from("c")], [Value::from("a"), Value::from("bc")]);
        assert_ne!(digest(&[&ab]), digest(&[&a]));
        assert_ne!(digest(&[&one, &one]), digest(&[&one]));
    }
}
