//! Rules of the code that no compiler knows.

mod decisions;
mod layers;
mod logs;
mod negative_tests;
