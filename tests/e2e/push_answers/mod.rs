//! Answers in the responses to pushes: each part once, and in order, whatever fails.

mod checker;
mod words;
