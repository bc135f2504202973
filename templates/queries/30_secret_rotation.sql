-- Secrets: how many names were seen, how many secrets replaced within rotation_hours, deleted for good, not deleted by the end, and old?
-- A secret is told by its id, by its name where an entry of that name has none. At one instant deletions come first.
WITH secrets AS (
  SELECT
    action,
    timestamp,
    id,
    unix_micros(timestamp) AS micros,
    CASE WHEN action = 'secret.delete' THEN 0 ELSE 1 END AS place,
    coalesce(resource_name, resource_id) AS name,
    coalesce(
      CASE
        WHEN count(*) OVER (PARTITION BY resource_name) = count(resource_id) OVER (PARTITION BY resource_name)
          THEN resource_id
      END,
      resource_name,
      resource_id,
      id
    ) AS secret
  FROM audit
  WHERE coalesce(action, '') IN ('secret.create', 'secret.delete')
),
followed AS (
  SELECT
    action,
    name,
    micros,
    lead(action) OVER (PARTITION BY secret ORDER BY timestamp, place, id) AS next_action,
    lead(action) OVER (PARTITION BY coalesce(name, id) ORDER BY timestamp, place, id) AS next_of_name,
    lead(micros) OVER (PARTITION BY coalesce(name, id) ORDER BY timestamp, place, id) AS next_micros,
    max(CASE WHEN action = 'secret.create' THEN micros END) OVER (PARTITION BY coalesce(name, id)) AS last_created
  FROM secrets
)
SELECT
  count(DISTINCT name) AS names,
  coalesce(sum(CASE WHEN action = 'secret.delete' AND next_of_name = 'secret.create'
    AND next_micros - micros <= $rotation_hours * cast(3600000000 AS bigint) THEN 1 ELSE 0 END), 0) AS replaced,
  coalesce(sum(CASE WHEN action = 'secret.delete' AND next_action IS NULL
    AND coalesce(last_created < micros, TRUE) THEN 1 ELSE 0 END), 0) AS deleted,
  coalesce(sum(CASE WHEN action = 'secret.create' AND next_action IS NULL THEN 1 ELSE 0 END), 0) AS living,
  coalesce(sum(CASE WHEN action = 'secret.create' AND next_action IS NULL
    AND $until - micros > $secret_days * cast(86400000000 AS bigint) THEN 1 ELSE 0 END), 0) AS old
FROM followed
