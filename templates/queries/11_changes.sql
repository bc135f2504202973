-- Changes: what was deployed? Entries whose metadata names no commit, ticket, pull request or change come first.
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
    WHEN lower(metadata) LIKE '%"commit%' OR lower(metadata) LIKE '%"ticket%'
      OR lower(metadata) LIKE '%"pull_request%' OR lower(metadata) LIKE '%"change%' THEN 1
    ELSE 0
  END,
  timestamp DESC,
  id
