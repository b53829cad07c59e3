-- +goose Up

-- Times are milliseconds of Unix time.

-- What shows that a root secret is the right one: one row per secret, sealed
-- with it, for as long as something that it has sealed may be there.
CREATE TABLE checks (
  n      INTEGER PRIMARY KEY,
  sealed BLOB    NOT NULL,
  until  INTEGER NOT NULL
) STRICT;

-- Secrets that stay when the root secret is replaced, sealed.
CREATE TABLE secrets (
  name   TEXT PRIMARY KEY,
  sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE responses (
  n       INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which they came
  tenant  TEXT    NOT NULL,
  id      TEXT    NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  size    INTEGER NOT NULL,
  data    BLOB    NOT NULL, -- last: the others are found without reading it
  UNIQUE (tenant, id)
) STRICT;
CREATE INDEX responses_by_age ON responses (tenant, created, n);
CREATE INDEX responses_by_expiry ON responses (expires);

CREATE TABLE response_items (
  tenant   TEXT    NOT NULL,
  item     TEXT    NOT NULL,
  response INTEGER NOT NULL REFERENCES responses (n) ON DELETE CASCADE,
  PRIMARY KEY (tenant, item, response)
) STRICT, WITHOUT ROWID;
CREATE INDEX response_items_by_response ON response_items (response);

-- What each tenant has in responses.
CREATE TABLE response_usage (
  tenant  TEXT    PRIMARY KEY,
  records INTEGER NOT NULL,
  bytes   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER response_comes AFTER INSERT ON responses BEGIN
  INSERT INTO response_usage VALUES (NEW.tenant, 1, NEW.size)
  ON CONFLICT (tenant) DO UPDATE SET records = records + 1, bytes = bytes + NEW.size;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER response_goes AFTER DELETE ON responses BEGIN
  UPDATE response_usage SET records = records - 1, bytes = bytes - OLD.size WHERE tenant = OLD.tenant;
  DELETE FROM response_usage WHERE tenant = OLD.tenant AND records = 0;
END;
-- +goose StatementEnd

CREATE TABLE pins (
  key      BLOB    PRIMARY KEY,
  upstream TEXT    NOT NULL,
  model    TEXT    NOT NULL,
  caller   BLOB    NOT NULL, -- empty: everybody of the tenant
  expires  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pins_by_expiry ON pins (expires);
