-- Secrets: how many names were seen, replaced within rotation_hours, deleted for good, and live on, some of them old?
WITH secrets AS (
  SELECT
    action,
    coalesce(resource_name, resource_id) AS name,
    unix_micros(timestamp) AS micros,
    lead(action) OVER (PARTITION BY coalesce(resource_name, resource_id, id) ORDER BY timestamp, id) AS next_action,
    lead(unix_micros(timestamp)) OVER (PARTITION BY coalesce(resource_name, resource_id, id) ORDER BY timestamp, id)
      AS next_micros
  FROM audit
  WHERE coalesce(action, '') IN ('secret.create', 'secret.delete')
)
SELECT
  count(DISTINCT name) AS names,
  coalesce(sum(CASE WHEN action = 'secret.delete' AND next_action = 'secret.create'
    AND next_micros - micros <= $rotation_hours * cast(3600000000 AS bigint) THEN 1 ELSE 0 END), 0) AS replaced,
  coalesce(sum(CASE WHEN action = 'secret.delete' AND next_action IS NULL THEN 1 ELSE 0 END), 0) AS deleted,
  coalesce(sum(CASE WHEN action = 'secret.create' AND next_action IS NULL THEN 1 ELSE 0 END), 0) AS living,
  coalesce(sum(CASE WHEN action = 'secret.create' AND next_action IS NULL
    AND $until - micros > $secret_days * cast(86400000000 AS bigint) THEN 1 ELSE 0 END), 0) AS old
FROM secrets
