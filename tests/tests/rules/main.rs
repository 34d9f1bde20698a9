//! Rules of the code that no compiler knows.

mod layers;
mod negative_tests;
