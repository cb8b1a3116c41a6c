use unicode_normalization::{UnicodeNormalization, char::canonical_combining_class};

/// Characters of one word that count: Postgres takes no word longer than 2,046 bytes.
const WORD_CHARS: usize = 100;

/// Cuts a text into the words by which it is found, folded: one case, no accents, no punctuation.
///
/// Both engines are given these words, so that both find the same. Han characters and kana, which are written without
/// spaces, are a word each.
pub fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in folded(text).chars() {
        let ended = words.last_mut().expect("BUG: there is always a last word");
        if is_word_of_its_own(c) {
            words.push(c.to_string());
            words.push(String::new());
        } else if !c.is_alphanumeric() {
            words.push(String::new());
        } else if ended.len() < WORD_CHARS || ended.chars().count() < WORD_CHARS {
            ended.push(c);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// In one case, without accents. Nothing in ASCII is composed or accented.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let bare: String = text.nfkd().filter(|c| canonical_combining_class(*c) == 0).collect();
    bare.to_lowercase().replace('ς', "σ")
}

fn is_word_of_its_own(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_cut_wherever_people_would_cut_them() {
        assert_eq!(words("The Martian: A Novel!"), ["the", "martian", "a", "novel"]);
        assert_eq!(words("Brontë, Émile-Zola"), ["bronte", "emile", "zola"]);
        assert_eq!(words("ΟΔΎΣΣΕΙΑ Σίσυφος"), ["οδυσσεια", "σισυφοσ"]);
        assert_eq!(words("紅樓夢 vol.2"), ["紅", "樓", "夢", "vol", "2"]);
        assert_eq!(words("महाभारत"), ["महाभारत"]);
        assert_eq!(words("C++ & \"quotes\" OR ) NEAR( *"), ["c", "quotes", "or", "near"]);
        assert!(words(" !!! ").is_empty());
        assert_eq!(words(&"x".repeat(500))[0].len(), 100);
        assert_eq!(words(&"я".repeat(500))[0].chars().count(), 100);
    }

    #[test]
    fn a_text_in_ascii_is_folded_like_any_other() {
        let ascii: String = ('\0'..='\x7f').collect();
        let beside_another = words(&format!("{ascii} é"));
        assert_eq!(words(&ascii), beside_another[..beside_another.len() - 1]);
    }
}
