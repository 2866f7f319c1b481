//! A customer is a row here and an account there, and no transaction spans both. So each change is three steps, and
//! whether the account is there decides:
//!
//! - signing up: the row is reserved, unlisted; the account is made under its id; the row is listed;
//! - deletion: the row is marked; the account is deleted, with everything that can sign in; the row is removed.
//!
//! A program that is killed between two steps finds the rows that it left when it starts again, and asks of each whether
//! its account is there.

use std::future::Future;

use anyhow::Result;
use keystile_accounts::{Account, AccountId, AdminError, Caller, SignUp, SignUpError};

use crate::App;
use crate::answer::{Refused, already_taken};
use crate::form::Faults;
use crate::store::{Customer, Person};

/// What became of a deletion.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    /// The customer is gone, and the account.
    Done,
    /// There was none.
    NoSuchCustomer,
    /// Whoever asked has been signed out, or is no administrator any more.
    CallerIsStale,
}

/// Runs to the end, also where the client has gone away meanwhile and nobody waits for the answer.
pub(crate) async fn to_the_end<T: Send + 'static>(
    steps: impl Future<Output = Result<T, Refused>> + Send + 'static,
) -> Result<T, Refused> {
    tokio::spawn(steps).await.map_err(anyhow::Error::from)?
}

impl App {
    /// Makes a customer, unless others have the names: then it is told which.
    pub(crate) async fn join(&self, person: Person, request: SignUp) -> Result<Customer, Refused> {
        let mut taken = Faults::default();
        for (field, name) in [("email", &person.email), ("username", &person.username)] {
            if self.accounts.find_account(name).await?.is_some() {
                taken.note(field, already_taken(field));
            }
        }
        if !taken.is_empty() {
            return Err(Refused::taken(taken));
        }
        self.enrol(person, request).await
    }

    /// The three steps. Whether the names are free the accounts decide, by their unique indexes.
    async fn enrol(&self, person: Person, request: SignUp) -> Result<Customer, Refused> {
        let id = self.customers.reserve(&person).await?;
        match self.accounts.sign_up(request.id(account_id(id))).await {
            Ok(account) => {
                self.customers.arrived(&account).await?;
                Ok(Customer { id, person })
            }
            // Only here may the account have been made all the same: it is asked.
            Err(SignUpError::Store(fault)) => {
                self.settle(id).await?;
                Err(fault.into())
            }
            Err(refusal) => {
                self.customers.turned_away(id).await?;
                Err(refusal.into())
            }
        }
    }

    /// Deletes a customer. The accounts check again, in the transaction that deletes, that the caller is an administrator.
    pub(crate) async fn leave(&self, caller: &Caller, id: i64) -> Result<Departure, Refused> {
        if !self.customers.leaving(id).await? {
            return Ok(Departure::NoSuchCustomer);
        }
        match self.accounts.delete(Some(caller), &account_id(id)).await {
            Ok(()) => {
                self.customers.gone(id).await?;
                Ok(Departure::Done)
            }
            // An earlier deletion came so far and no further.
            Err(AdminError::NotFound { .. }) if self.customers.gone(id).await? => {
                Ok(Departure::Done)
            }
            Err(AdminError::NotFound { .. }) => Ok(Departure::NoSuchCustomer),
            Err(AdminError::Stale) => Ok(Departure::CallerIsStale),
            Err(fault) => Err(anyhow::Error::from(fault).into()),
        }
    }

    /// Whoever signs in has an account, so their row is listed, if the last step of their sign-up failed.
    pub(crate) async fn seen(&self, account: &Account) -> Result<()> {
        self.customers.arrived(account).await.map(drop)
    }

    /// Settles what was broken off before this start. No other server runs on the file, so nothing is under way.
    pub(crate) async fn settle_all(&self) -> Result<()> {
        for id in self.customers.unsettled().await? {
            self.settle(id).await?;
        }
        Ok(())
    }

    /// A row whose account is there is listed, another goes. Whether it was arriving or leaving, each statement says.
    async fn settle(&self, id: i64) -> Result<()> {
        match self.accounts.account(&account_id(id)).await? {
            Some(account) => {
                if !self.customers.arrived(&account).await? {
                    self.customers.stays(id).await?;
                }
            }
            None => {
                self.customers.gone(id).await?;
            }
        }
        // What still is arriving now has no account of its own.
        self.customers.turned_away(id).await.map(drop)
    }
}

/// The account of a customer has the customer's id, in decimal.
fn account_id(id: i64) -> AccountId {
    AccountId::from(id.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use keystile::{Clock, Random};
    use keystile_accounts::SignIn;

    use super::*;

    const SECRET: &str = "a secret of the tests, 32 bytes or more";
    const PASSWORD: &str = "bestpass123";

    async fn open(file: &Path) -> App {
        App::open(file, SECRET, Clock::system(), Random::system())
            .await
            .unwrap()
    }

    fn ada() -> (Person, SignUp) {
        let person = Person {
            name: "Ada".to_owned(),
            email: "ada@example.org".to_owned(),
            phone: "555-0100".to_owned(),
            username: "ada".to_owned(),
        };
        let request = SignUp::username("ada")
            .email("ada@example.org")
            .password(PASSWORD);
        (person, request)
    }

    /// Ids on the list, and how many rows are unsettled.
    async fn rows(app: &App) -> (Vec<i64>, usize) {
        let listed = app.customers.page(100, 0).await.unwrap();
        let ids = listed.into_iter().map(|customer| customer.id).collect();
        (ids, app.customers.unsettled().await.unwrap().len())
    }

    /// An administrator who is signed in.
    async fn administrator(app: &App) -> Caller {
        let root = SignUp::username("root").id("1000").password(PASSWORD);
        let root = app.accounts.sign_up(root).await.unwrap();
        app.accounts
            .set_roles(None, &root.id, &["admin".to_owned()])
            .await
            .unwrap();
        let sign_in = SignIn::username("root").password(PASSWORD);
        let signed_in = app.accounts.sign_in(sign_in).await.unwrap();
        let verified = app.guard.verify(&signed_in.access_token).unwrap();
        Caller::from_claims(verified.claims()).unwrap()
    }

    #[tokio::test]
    async fn a_sign_up_that_breaks_off_before_the_account_leaves_the_names_free() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("customers.db");
        let app = open(&file).await;
        let (person, request) = ada();
        let reserved = app.customers.reserve(&person).await.unwrap();
        assert_eq!(rows(&app).await, (vec![], 1), "nobody sees it");
        assert_eq!(app.customers.find(reserved).await.unwrap(), None);
        let customer = app.join(person.clone(), request).await.unwrap();
        assert_ne!(customer.id, reserved, "the names are free at once");
        drop(app);
        let app = open(&file).await;
        assert_eq!(rows(&app).await, (vec![customer.id], 0), "and the row goes");
    }

    #[tokio::test]
    async fn a_sign_up_that_breaks_off_after_the_account_is_whole_at_the_next_start_or_sign_in() {
        for by_sign_in in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("customers.db");
            let mut app = open(&file).await;
            let (person, request) = ada();
            let id = app.customers.reserve(&person).await.unwrap();
            let account = app
                .accounts
                .sign_up(request.clone().id(account_id(id)))
                .await
                .unwrap();
            assert_eq!(rows(&app).await, (vec![], 1));
            assert!(
                app.join(person.clone(), request).await.is_err(),
                "the names are taken"
            );
            if by_sign_in {
                app.seen(&account).await.unwrap();
            } else {
                drop(app);
                app = open(&file).await;
            }
            assert_eq!(rows(&app).await, (vec![id], 0));
            let customer = app.customers.find(id).await.unwrap();
            assert_eq!(customer, Some(Customer { id, person }));
        }
    }

    #[tokio::test]
    async fn a_refused_sign_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(&folder.path().join("customers.db")).await;
        let (person, request) = ada();
        let first = app.join(person.clone(), request.clone()).await.unwrap();
        for _ in 0..3 {
            assert!(app.join(person.clone(), request.clone()).await.is_err());
            assert!(
                app.enrol(person.clone(), request.clone()).await.is_err(),
                "another came between"
            );
        }
        assert_eq!(rows(&app).await, (vec![first.id], 0));
    }

    #[tokio::test]
    async fn a_row_is_never_listed_for_an_account_that_is_somebody_else_s() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("customers.db");
        let app = open(&file).await;
        let bob = SignUp::username("bob")
            .email("bob@example.org")
            .id("1")
            .password(PASSWORD);
        let bob = app.accounts.sign_up(bob).await.unwrap();
        let (person, request) = ada();
        assert_eq!(app.customers.reserve(&person).await.unwrap(), 1);
        app.seen(&bob).await.unwrap();
        assert_eq!(rows(&app).await, (vec![], 1));
        drop(app);
        let app = open(&file).await;
        assert_eq!(rows(&app).await, (vec![], 0));
        let customer = app.join(person, request).await.unwrap();
        assert_ne!(customer.id, 1, "an id comes once");
    }

    #[tokio::test]
    async fn a_deletion_that_breaks_off_before_the_account_s_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("customers.db");
        let app = open(&file).await;
        let (person, request) = ada();
        let id = app.join(person, request).await.unwrap().id;
        assert!(app.customers.leaving(id).await.unwrap());
        assert_eq!(
            rows(&app).await,
            (vec![id], 1),
            "a customer until the account is gone"
        );
        drop(app);
        let app = open(&file).await;
        assert_eq!(rows(&app).await, (vec![id], 0));
        let caller = administrator(&app).await;
        assert_eq!(app.leave(&caller, id).await.unwrap(), Departure::Done);
        assert_eq!(rows(&app).await, (vec![], 0));
    }

    #[tokio::test]
    async fn a_deletion_that_breaks_off_after_the_account_s_is_finished() {
        for by_another in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("customers.db");
            let mut app = open(&file).await;
            let (person, request) = ada();
            let id = app.join(person.clone(), request.clone()).await.unwrap().id;
            assert!(app.customers.leaving(id).await.unwrap());
            app.accounts.delete(None, &account_id(id)).await.unwrap();
            if by_another {
                let caller = administrator(&app).await;
                assert_eq!(app.leave(&caller, id).await.unwrap(), Departure::Done);
            } else {
                drop(app);
                app = open(&file).await;
            }
            assert_eq!(rows(&app).await, (vec![], 0));
            let again = app.join(person, request).await.unwrap();
            assert_ne!(again.id, id, "the names are free, the id is not used again");
        }
    }

    #[tokio::test]
    async fn whoever_is_no_administrator_any_more_deletes_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(&folder.path().join("customers.db")).await;
        let (person, request) = ada();
        let id = app.join(person, request).await.unwrap().id;
        let caller = administrator(&app).await;
        app.accounts
            .set_roles(None, &caller.account_id, &[])
            .await
            .unwrap();
        assert_eq!(
            app.leave(&caller, id).await.unwrap(),
            Departure::CallerIsStale
        );
        assert_eq!(rows(&app).await.0, [id]);
        assert!(
            app.accounts
                .account(&account_id(id))
                .await
                .unwrap()
                .is_some()
        );
    }
}
