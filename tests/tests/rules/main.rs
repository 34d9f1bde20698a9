//! Rules of the code that the compiler cannot check.

mod decisions;
mod handlers;
mod imports;
mod layers;
mod lengths;
mod logs;
mod negative_tests;
mod voice;
mod windows;
