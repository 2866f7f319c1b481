//! Requests that go to the nodes in turn: nothing is kept in one that another needs.
