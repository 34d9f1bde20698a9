//! Sentences that the window can show in another language: an English template, and what stands in its places.
//!
//! The template is the sentence's id. Write it as a literal in [`text!`](crate::text!): `ui/tests/messages.test.js`
//! collects these literals, and fails unless `ui/src/words/de/reasons` has each of them, with the same places.

use std::{borrow::Cow, fmt, io, path};

use api_types::{DeviceId, ObjectId, Sha256};

/// A sentence, or a part of one. None contains a secret. In English, by [`fmt::Display`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    template: Cow<'static, str>,
    parts: Vec<(&'static str, Part)>,
}

/// What stands in a place of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A name, a number, or another program's words: the same in every language.
    Word(String),
    /// Words of this program.
    Text(Text),
    /// Several, and what separates them in English.
    List(Vec<Text>, &'static str),
}

impl Text {
    /// Another program's words, or a report for us: shown unchanged in every language.
    #[must_use]
    pub const fn verbatim(words: String) -> Self {
        Self { template: Cow::Owned(words), parts: Vec::new() }
    }

    /// Words that an error of a lower layer holds. `ui/strings.js` knows how such errors are made.
    #[must_use]
    pub const fn fixed(words: &'static str) -> Self {
        Self::with(words, Vec::new())
    }

    /// Use [`text!`](crate::text!), which compares the places with the parts.
    #[doc(hidden)]
    #[must_use]
    pub const fn with(template: &'static str, parts: Vec<(&'static str, Part)>) -> Self {
        Self { template: Cow::Borrowed(template), parts }
    }

    /// Whether it is [`Text::verbatim`].
    #[cfg(test)]
    pub(crate) const fn is_verbatim(&self) -> bool {
        matches!(self.template, Cow::Owned(_))
    }

    /// With `{name}` for each part.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.template
    }

    /// What stands in its places, by name.
    #[must_use]
    pub fn parts(&self) -> &[(&'static str, Part)] {
        &self.parts
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest: &str = &self.template;
        while let Some((before, (name, after))) = rest
            .split_once('{')
            .and_then(|(before, place)| Some((before, place.split_once('}')?)))
            .filter(|_| !self.parts.is_empty())
        {
            f.write_str(before)?;
            match self.parts.iter().find(|(known, _)| *known == name) {
                Some((_, part)) => part.fmt(f)?,
                None => write!(f, "{{{name}}}")?,
            }
            rest = after;
        }
        f.write_str(rest)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Text(text) => text.fmt(f),
            Self::List(texts, between) => {
                for (at, text) in texts.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { between })?;
                    text.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

/// What can stand in a place of a template. Not implemented for secrets.
pub trait ToPart {
    /// A copy.
    fn part(&self) -> Part;
}

impl ToPart for Text {
    fn part(&self) -> Part {
        Part::Text(self.clone())
    }
}

impl<T: ToPart + ?Sized> ToPart for &T {
    fn part(&self) -> Part {
        T::part(self)
    }
}

impl ToPart for Part {
    fn part(&self) -> Part {
        self.clone()
    }
}

macro_rules! words {
    ($($kind:ty),+ $(,)?) => {$(
        impl ToPart for $kind {
            fn part(&self) -> Part {
                Part::Word(self.to_string())
            }
        }
    )+};
}

words!(str, String, u8, u16, u32, u64, usize, i32, i64);
words!(io::Error, path::Display<'_>, jiff::civil::Date, DeviceId, ObjectId, Sha256);

/// Names the parts of a sentence, like `format!`: `text!("{file} is of version {version}", file, version = 3)`. Only
/// named parts; a part may be a [`Text`].
#[macro_export]
macro_rules! text {
    (@value $name:ident) => { $name };
    (@value $name:ident $value:expr) => { $value };
    ($template:literal $(,)?) => { $crate::text::Text::with($template, ::std::vec::Vec::new()) };
    ($template:literal, $($name:ident $(= $value:expr)?),+ $(,)?) => {{
        // Never called. `format!` compares the places with the parts; `concat!` keeps it from finding others.
        let _ = || drop(::std::format!(::std::concat!($template), $($name = 0),+));
        $crate::text::Text::with(
            $template,
            ::std::vec![$((
                ::std::stringify!($name),
                $crate::text::ToPart::part(&$crate::text!(@value $name $($value)?)),
            )),+],
        )
    }};
}

/// For errors with a `text()`: it is how they are shown, and they can be a part.
macro_rules! told {
    ($($kind:ty),+ $(,)?) => {$(
        impl ::std::fmt::Display for $kind {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.text(), f)
            }
        }

        impl $crate::text::ToPart for $kind {
            fn part(&self) -> $crate::text::Part {
                $crate::text::Part::Text(self.text())
            }
        }
    )+};
}

pub(crate) use told;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_its_template_with_its_parts() {
        let why = text!("it is cut off");
        let file = String::from("{why}");
        let text = text!("{file} has {bytes} bytes: {why}", file, bytes = 3, why);
        assert_eq!(text.to_string(), "{why} has 3 bytes: it is cut off");
        assert_eq!(text.template(), "{file} has {bytes} bytes: {why}");
        assert_eq!(text.parts()[2], ("why", Part::Text(why)));
        let foreign = Text::verbatim("ERROR:  {0} is no }{".into());
        assert_eq!(foreign.to_string(), "ERROR:  {0} is no }{");
    }
}
