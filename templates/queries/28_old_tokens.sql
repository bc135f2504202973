-- Old tokens: which were created in the window and, more than token_days later, not deleted by its end? Oldest first.
WITH tokens AS (
  SELECT
    timestamp,
    id,
    action,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
    lead(action) OVER (PARTITION BY coalesce(resource_id, resource_name, id) ORDER BY timestamp, id) AS next_action
  FROM audit
  WHERE coalesce(action, '') IN ('token.create', 'token.delete')
)
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat('Not deleted, ', cast(cast(floor(($until - unix_micros(timestamp)) / 86400000000) AS bigint) AS string),
    ' days old at the end of the period.') AS what,
  cast(NULL AS string) AS related
FROM tokens
WHERE action = 'token.create'
  AND coalesce(next_action, '') <> 'token.delete'
  AND $until - unix_micros(timestamp) > $token_days * cast(86400000000 AS bigint)
ORDER BY timestamp, id
