//! Rules of the code that the compiler cannot check.

mod decisions;
mod layers;
mod logs;
mod negative_tests;
mod windows;
