-- An account's living sessions are found without looking at those that ended: somebody who signs in at every call leaves
-- thousands of them, and each sign-in counts who lives.
DROP INDEX session_account;
CREATE INDEX session_account ON session (account_id, ended_at);
