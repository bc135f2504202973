-- Changes: what was deployed? Entries whose metadata names no commit, ticket or the like come first.
-- A reference is a text that is not empty, a number, an object with members, or a list that begins with a text, a
-- number or an object.
SELECT
  timestamp,
  id,
  action,
  coalesce(actor_email, actor_id) AS actor,
  actor_type,
  ip_address,
  resource_type,
  coalesce(resource_name, resource_id) AS resource,
  changes,
  request_id
FROM audit
WHERE action = 'deploy'
ORDER BY
  CASE
    WHEN regexp_like(
      metadata,
      concat('[{,]"(?i:(', $change_keys_pattern, ')[^"]*)":("[^"]|-?[0-9]|[{]"|', chr(92), '[["{0-9-])')
    ) THEN 1
    ELSE 0
  END,
  timestamp DESC,
  id
