//! The flows as a program uses them: a manual clock in place of sleeping, held-back winners in place of luck.

mod administration;
mod exchange;
mod guard;
mod guessing;
mod issuance;
mod keys;
mod opening;
mod own_account;
mod passwords;
mod races;
mod refresh;
mod secrets;
mod shop;
mod sign_up_and_in;
mod timing;
