CREATE TABLE IF NOT EXISTS "idempotency_keys" (
  key text NOT NULL PRIMARY KEY,
  version integer NOT NULL,
  attempt integer NOT NULL,
  ttl_ms integer NOT NULL,
  claimed_at integer NOT NULL,
  lease_until integer NOT NULL,
  expires_at integer NOT NULL,
  purge_at integer NOT NULL,
  takeover boolean NOT NULL DEFAULT FALSE,
  token text,
  run_id text NOT NULL,
  fingerprint text,
  outcome text
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS "idempotency_keys_purge_at" ON "idempotency_keys" (purge_at);
