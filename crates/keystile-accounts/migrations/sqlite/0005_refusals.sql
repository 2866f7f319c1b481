-- A session's first refused refresh is written, and no repetition of it: who holds an old token fills no audit.
CREATE UNIQUE INDEX audit_refused_once ON audit (session_id) WHERE kind = 'session.refresh_refused';
