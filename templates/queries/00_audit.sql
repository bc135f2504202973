-- The views and functions that the queries use. For DuckDB, started in the bundle's folder; run it first.
SET TimeZone = 'UTC';
-- Every entry in the archive, and below it those of the window: late entries from before it are a supplement.
CREATE VIEW audit_all AS SELECT * FROM read_parquet('data/audit.parquet');
CREATE VIEW audit AS SELECT * FROM audit_all WHERE epoch_us(timestamp) >= $since;
-- One row for each field that an entry changed. In Spark SQL: LATERAL VIEW explode(changes) AS change.
CREATE VIEW changed_fields AS
  SELECT audit.id, audit.action, changed.change.field, changed.change.old, changed.change.new
  FROM audit, UNNEST(audit.changes) AS changed(change);
-- What Spark SQL knows by these names.
CREATE MACRO unix_micros(moment) AS epoch_us(moment);
CREATE MACRO from_utc_timestamp(moment, zone) AS timezone(zone, moment);
CREATE MACRO regexp_like(value, pattern) AS regexp_matches(value, pattern);
