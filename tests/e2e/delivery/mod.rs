//! Answers that arrive: once, in time and in order, whatever becomes of workers, tokens and accounts.

mod killed;
mod late;
mod pause;
mod token;
mod verdict;
