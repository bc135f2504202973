-- The views and functions that the queries use. For DuckDB, started in the bundle's folder; run it first.
SET TimeZone = 'UTC';
-- Every entry in the archive, and below it those of the window: late entries from before it are a supplement.
-- An empty text says as little as none. An actor is told from others by the e-mail address, without regard to case,
-- and by the id where an entry has none.
CREATE VIEW audit_all AS
  SELECT
    * REPLACE (
      nullif(organization_id, '') AS organization_id,
      nullif(actor_id, '') AS actor_id,
      nullif(actor_email, '') AS actor_email,
      nullif(actor_type, '') AS actor_type,
      nullif(ip_address, '') AS ip_address,
      nullif(user_agent, '') AS user_agent,
      nullif(resource_type, '') AS resource_type,
      nullif(resource_id, '') AS resource_id,
      nullif(resource_name, '') AS resource_name,
      nullif(request_id, '') AS request_id
    ),
    coalesce(lower(nullif(actor_email, '')), nullif(actor_id, '')) AS actor_key
  FROM read_parquet('data/audit.parquet');
CREATE VIEW audit AS SELECT * FROM audit_all WHERE timestamp >= TIMESTAMPTZ $since_text;
-- One row for each field that an entry changed. In Spark SQL it is explode(changes).
CREATE VIEW changed_fields AS
  SELECT id, action, change.field, change.old, change.new
  FROM (SELECT id, action, unnest(changes) AS change FROM audit);
-- What Spark SQL knows by these names.
CREATE MACRO unix_micros(moment) AS epoch_us(moment);
CREATE MACRO from_utc_timestamp(moment, zone) AS timezone(zone, moment);
CREATE MACRO regexp_like(value, pattern) AS regexp_matches(value, pattern);
