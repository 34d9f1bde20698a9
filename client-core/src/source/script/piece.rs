//! The pieces into which the lexer splits a script.

/// The kind of a piece of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// White space and comments between tokens.
    Space,
    /// A keyword or a name.
    Word,
    /// `begin` where it can only be a name: no ATOMIC follows.
    NamedBegin,
    /// Part of a number.
    Number,
    /// A quoted construct begins, continues, or ends with this piece.
    Open(Quote),
    Inside,
    Close,
    Mark(u8),
    /// A colon that psql would take for the start of a variable name.
    Colon,
    Semicolon,
    /// A backslash command, up to the end of its line.
    Command,
    /// Between the `;` of a COPY and its data.
    CopyLine,
    CopyData,
    /// The line `\.`
    CopyEnd,
}

/// What is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    Text,
    /// A text that would have to be decoded.
    Opaque,
    Name,
}
