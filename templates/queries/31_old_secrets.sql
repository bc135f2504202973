-- Old secrets: which were created in the window and, more than secret_days later, neither replaced nor deleted? Oldest first.
-- A secret is told by its id, by its name where an entry of that name has none. At one instant deletions come first.
WITH secrets AS (
  SELECT
    timestamp,
    id,
    action,
    CASE WHEN action = 'secret.delete' THEN 0 ELSE 1 END AS place,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
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
  SELECT *, lead(action) OVER (PARTITION BY secret ORDER BY timestamp, place, id) AS next_action FROM secrets
)
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat('Neither replaced nor deleted. Age at the end of the period in full days: ',
    cast(cast(floor(($until - unix_micros(timestamp)) / 86400000000) AS bigint) AS string), '.') AS what,
  cast(NULL AS string) AS related
FROM followed
WHERE action = 'secret.create'
  AND next_action IS NULL
  AND $until - unix_micros(timestamp) > $secret_days * cast(86400000000 AS bigint)
ORDER BY timestamp, id
