//! A file that cannot be read in one sitting, or a function that does not fit on a screen, hides things.

use crate::{
    Finding, Source,
    rust::{Keep, blank, line_of},
};

const MAX_FILE_LINES: usize = 400;
const MAX_FUNCTION_LINES: usize = 70;

pub fn files_are_short(tree: &[Source]) -> Vec<Finding> {
    let rust = tree.iter().filter(|source| source.is(&[".rs"]));
    let long = rust.filter(|source| source.text.lines().count() > MAX_FILE_LINES);
    long.map(|source| source.finding(MAX_FILE_LINES, format!("more than {MAX_FILE_LINES} lines"))).collect()
}

pub fn functions_are_short(tree: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in tree.iter().filter(|source| source.is(&[".rs"])) {
        let code = blank(&source.text, Keep::Code);
        for (start, _) in code.match_indices("fn ") {
            let begins_word = !code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if let Some(end) = function_end(&code[start..]).filter(|_| begins_word) {
                let lines = code[start..start + end].matches('\n').count() + 1;
                if lines > MAX_FUNCTION_LINES {
                    let what = format!("a function of {lines} lines; {MAX_FUNCTION_LINES} are allowed");
                    found.push(source.finding(line_of(&code, start), what));
                }
            }
        }
    }
    found
}

/// Where the body of the function that begins here ends; `None` for one without a body.
fn function_end(code: &str) -> Option<usize> {
    let (mut brackets, mut braces) = (0_i32, 0_i32);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' if braces == 0 => brackets += 1,
            ')' | ']' if braces == 0 => brackets -= 1,
            // The end of a declaration, or of a type such as `fn(u8)` in a list.
            ';' if brackets == 0 && braces == 0 => return None,
            _ if brackets < 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces <= 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[test]
fn a_long_file_is_found() {
    let long = Source::sample("a/src/x.rs", &"// a line\n".repeat(MAX_FILE_LINES + 1));
    let fits = Source::sample("a/src/y.rs", &"// a line\n".repeat(MAX_FILE_LINES));
    assert_eq!(files_are_short(&[long, fits]).len(), 1);
}

#[test]
fn a_long_function_is_found_and_a_short_one_is_not() {
    let body =
        |lines: usize| format!("trait T {{ fn g(a: [u8; 4]); }}\nfn f() {{\n{}}}\n", "    x(\"}\");\n".repeat(lines));
    let sources =
        [Source::sample("a.rs", &body(MAX_FUNCTION_LINES)), Source::sample("b.rs", &body(MAX_FUNCTION_LINES - 2))];
    let found = functions_are_short(&sources);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].path.as_str(), found[0].line), ("a.rs", 2));
}
