//! The rules: each flow from its request to its answer.

mod admin;
mod check_password;
mod client_looks;
mod client_tokens;
mod clients;
mod exchange;
mod own_account;
mod refresh;
mod sign_in;
mod sign_out;
mod sign_up;
mod signing_keys;
mod trouble;
