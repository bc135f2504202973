-- Old tokens: which were created in the window and, more than token_days later, not deleted by its end? Oldest first.
-- At one instant a token that has an id is created first. Of those that have only a name one is deleted first.
WITH tokens AS (
  SELECT
    timestamp,
    id,
    action,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
    lead(action) OVER life AS next_action
  FROM audit
  WHERE coalesce(action, '') IN ('token.create', 'token.delete')
  WINDOW life AS (
    PARTITION BY coalesce(resource_id, resource_name, id)
    ORDER BY timestamp, CASE WHEN (action = 'token.delete') = (resource_id IS NULL) THEN 0 ELSE 1 END, id
  )
)
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat('Not deleted. Age at the end of the period in full days: ',
    cast(cast(floor(($until - unix_micros(timestamp)) / 86400000000) AS bigint) AS string), '.') AS what,
  cast(NULL AS string) AS related
FROM tokens
WHERE action = 'token.create'
  AND coalesce(next_action, '') <> 'token.delete'
  AND $until - unix_micros(timestamp) > $token_days * cast(86400000000 AS bigint)
ORDER BY timestamp, id
