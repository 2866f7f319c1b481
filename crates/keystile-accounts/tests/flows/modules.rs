// Built twice: as `flows` on SQLite, as `flows_on_postgres` on PostgreSQL.
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
mod sessions;
mod shop;
mod sign_up_and_in;
mod timing;
