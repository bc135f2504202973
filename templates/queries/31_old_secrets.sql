-- Old secrets: which were created in the window and, more than secret_days later, neither replaced nor deleted? Oldest first.
WITH secrets AS (
  SELECT
    timestamp,
    id,
    action,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
    lead(action) OVER (PARTITION BY coalesce(resource_name, resource_id, id) ORDER BY timestamp, id) AS next_action
  FROM audit
  WHERE coalesce(action, '') IN ('secret.create', 'secret.delete')
)
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat('Neither replaced nor deleted, ',
    cast(cast(floor(($until - unix_micros(timestamp)) / 86400000000) AS bigint) AS string),
    ' days old at the end of the period.') AS what,
  cast(NULL AS string) AS related
FROM secrets
WHERE action = 'secret.create'
  AND next_action IS NULL
  AND $until - unix_micros(timestamp) > $secret_days * cast(86400000000 AS bigint)
ORDER BY timestamp, id
