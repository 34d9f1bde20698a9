//! No text of our programs contains a banned word of `ui/docs/voice.md`. The window's words, the help and the errors are
//! read by `ui/tests/strings.test.js`, from the same list; here, every literal of the Rust code.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

use syn::{
    Item,
    buffer::{Cursor, TokenBuffer},
    visit::Visit,
};

use crate::{imports::is_test, logs::sources};

/// Collects the literals of a file, without its tests and comments.
#[derive(Default)]
struct Literals(Vec<String>);

impl<'ast> Visit<'ast> for Literals {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => item.attrs.as_slice(),
            Item::Fn(item) => item.attrs.as_slice(),
            _ => &[],
        };
        if !is_test(attributes) && !attributes.iter().any(|attribute| attribute.path().is_ident("test")) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.0.push(literal.value());
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(TokenBuffer::new2(item.tokens.clone()).begin());
    }

    /// Only `#[error("…")]` is text of the program; a comment is an attribute, too.
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta
            && list.path.is_ident("error")
        {
            self.tokens(TokenBuffer::new2(list.tokens.clone()).begin());
        }
    }
}

impl Literals {
    fn tokens(&mut self, mut at: Cursor<'_>) {
        loop {
            if let Some((literal, rest)) = at.literal() {
                self.0.extend(syn::parse_str::<syn::LitStr>(&literal.to_string()).map(|it| it.value()));
                at = rest;
            } else if let Some((inside, _, _, rest)) = at.any_group() {
                self.tokens(inside);
                at = rest;
            } else if let Some((_, rest)) = at.token_tree() {
                at = rest;
            } else {
                return;
            }
        }
    }

    fn of(text: &str) -> Vec<String> {
        let mut literals = Self::default();
        literals.visit_file(&syn::parse_file(text).unwrap());
        literals.0
    }
}

/// The banned words and phrases, as lists of words.
fn banned() -> Vec<Vec<String>> {
    let text = include_str!("../../../ui/docs/voice.md");
    let list = text.split("```banned en\n").nth(1).unwrap().split("```").next().unwrap();
    list.lines().map(words).collect()
}

/// Words in lower case; a hyphen or an apostrophe belongs to a word, and names like `second_factor` are one.
fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !(c.is_alphanumeric() || "-'?_".contains(c)));
    parts.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn violations<'a>(banned: &'a [Vec<String>], text: &str) -> Vec<&'a [String]> {
    let words = words(text);
    let is_in = |phrase: &&Vec<String>| words.windows(phrase.len()).any(|part| part == phrase.as_slice());
    banned.iter().filter(is_in).map(Vec::as_slice).collect()
}

#[test]
fn no_literal_contains_a_banned_word() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let banned = banned();
    assert!(banned.len() > 20, "the list in voice.md was read");
    let mut files = Vec::new();
    for folder in ["app", "client-core/src", "metadata-api/src", "metadata-api/types/src"] {
        sources(&root.join(folder), &mut files);
    }
    let (mut read, mut found) = (0, Vec::new());
    for path in files.iter().filter(|path| !path.ends_with("tests.rs")) {
        let file = path.strip_prefix(root).unwrap().to_str().unwrap();
        for literal in Literals::of(&fs::read_to_string(path).unwrap()) {
            read += 1;
            for phrase in violations(&banned, &literal) {
                found.push(format!("{file}: \"{}\" in {literal:?}", phrase.join(" ")));
            }
        }
    }
    assert!(read > 2000, "only {read} literals were read");
    assert!(found.is_empty(), "see ui/docs/voice.md\n{}", found.join("\n"));
}

#[test]
fn a_literal_is_found_wherever_it_is_printed() {
    let literals = Literals::of(
        r##"
        //! Please, a comment.
        #[derive(Error)]
        enum E { #[error("one {0}")] A(u8) }
        const B: &str = "two";
        fn f() { let x = g("three"); println!("four {}", vec![h(r#"five"#)][0]); }
        #[cfg(test)]
        mod tests { const C: &str = "six"; }
        "##,
    );
    assert_eq!(literals, ["one {0}", "two", "three", "four {}", "five"]);
    let banned = [words("comes back"), words("please")];
    assert_eq!(violations(&banned, "It comes\n back, PLEASE.").len(), 2);
    assert_eq!(violations(&banned, "It comes; pleased, back").len(), 0);
}
