-- Changes: what was deployed? Entries whose metadata names no commit, ticket or the like come first.
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
    WHEN regexp_like(metadata, concat('"(?i:(', $change_keys_pattern, ')[a-z0-9_.:/ -]*)":("[^"]|[0-9])')) THEN 1
    ELSE 0
  END,
  timestamp DESC,
  id
