use shared_types::identity::{Email, NewPassword, Username};

/// Passwords that everybody tries first and that are long enough to pass. Compared without case.
const OBVIOUS: &[&str] = &[
    "password1234",
    "passwordpassword",
    "123456789012",
    "1234567890123",
    "12345678901234",
    "1234567890123456",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiopasdf",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "administrator",
    "letmeinletmein",
    "iloveyou1234",
    "abcdefghijkl",
    "abcd1234abcd",
    "changemechangeme",
    "welcome12345",
    "lastcopylastcopy",
];

/// Refuses a password that a stranger would try first: a well-known one, or its owner's name.
pub fn refuse_obvious(password: &NewPassword, username: &Username, email: &Email) -> Result<(), &'static str> {
    let text = password.secret().expose().to_lowercase();
    if OBVIOUS.contains(&text.as_str()) {
        return Err("is one of those that everybody tries first");
    }
    let mailbox = email.as_str().split('@').next().unwrap_or("");
    let names = [username.as_str(), email.as_str(), mailbox];
    let is_name = |name: &&str| {
        let rest = text.replace(&name.to_lowercase(), "");
        rest.len() < text.len() && !rest.chars().any(char::is_alphabetic)
    };
    if names.iter().any(is_name) { Err("is little more than your own name") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_own_name_with_digits_is_no_password() {
        let judge = |text: &str| {
            let password: NewPassword = text.parse().expect("long enough");
            let username: Username = "ana.lovelace".parse().expect("a name");
            refuse_obvious(&password, &username, &"ana@example.com".parse().expect("an address"))
        };
        assert!(judge("Ana.Lovelace2026!").is_err());
        assert!(judge("ana@example.com1").is_err());
        assert!(judge("PasswordPassword").is_err());
        assert!(judge("ana buys seven lamps").is_ok());
        assert!(judge("473 918 205 66 1").is_ok());
    }
}
