-- Tokens: how many were created and deleted in the window, not deleted by its end, older than token_days, deleted without a creation?
-- At one instant a token that has an id is created first. Of those that have only a name one is deleted first.
WITH tokens AS (
  SELECT
    action,
    unix_micros(timestamp) AS micros,
    lag(action) OVER life AS action_before,
    lead(action) OVER life AS next_action
  FROM audit
  WHERE coalesce(action, '') IN ('token.create', 'token.delete')
  WINDOW life AS (
    PARTITION BY coalesce(resource_id, resource_name, id)
    ORDER BY timestamp, CASE WHEN (action = 'token.delete') = (resource_id IS NULL) THEN 0 ELSE 1 END, id
  )
)
SELECT
  coalesce(sum(CASE WHEN action = 'token.create' THEN 1 ELSE 0 END), 0) AS created,
  coalesce(sum(CASE WHEN action = 'token.create' AND next_action = 'token.delete' THEN 1 ELSE 0 END), 0) AS paired,
  coalesce(sum(CASE WHEN action = 'token.create' AND coalesce(next_action, '') <> 'token.delete' THEN 1 ELSE 0 END), 0)
    AS living,
  coalesce(sum(CASE WHEN action = 'token.create' AND coalesce(next_action, '') <> 'token.delete'
    AND $until - micros > $token_days * cast(86400000000 AS bigint) THEN 1 ELSE 0 END), 0) AS old,
  coalesce(sum(CASE WHEN action = 'token.delete' AND action_before IS NULL THEN 1 ELSE 0 END), 0)
    AS created_before
FROM tokens
