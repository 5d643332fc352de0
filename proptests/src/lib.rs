//! The property tests of fsconnector; they are in `tests/`.
