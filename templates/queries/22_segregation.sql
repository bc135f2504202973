-- Segregation of duties: who changed their own role, or added a user and changed that user's role within segregation_days?
WITH users AS (
  SELECT
    timestamp,
    id,
    action,
    actor_key,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
    coalesce(resource_id, lower(resource_name)) AS person,
    CASE WHEN actor_id = resource_id OR lower(actor_email) = lower(resource_name) THEN 1 ELSE 0 END AS own
  FROM audit
  WHERE coalesce(action, '') IN ('user.add', 'user.role.update')
),
pairs AS (
  SELECT
    changed.timestamp,
    changed.id,
    changed.actor,
    changed.resource,
    unix_micros(changed.timestamp) - unix_micros(added.timestamp) AS apart,
    added.id AS added,
    row_number() OVER (PARTITION BY changed.id ORDER BY added.timestamp DESC, added.id) AS place
  FROM users AS changed
  JOIN users AS added ON added.person = changed.person AND added.actor_key = changed.actor_key
  WHERE changed.action = 'user.role.update'
    AND changed.own = 0
    AND added.action = 'user.add'
    AND unix_micros(changed.timestamp) - unix_micros(added.timestamp)
      BETWEEN 0 AND $segregation_days * cast(86400000000 AS bigint)
)
SELECT timestamp, id, actor, resource, 'Changed their own role.' AS what, cast(NULL AS string) AS related
FROM users
WHERE action = 'user.role.update' AND own = 1
UNION ALL
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat('Had added the user ',
    CASE
      WHEN apart < 60000000 THEN concat(cast(round(apart / 1000000, 1) AS string), ' seconds')
      WHEN apart < 86400000000 THEN concat(cast(round(apart / 60000000, 1) AS string), ' minutes')
      ELSE concat(cast(round(apart / 86400000000, 1) AS string), ' days')
    END, ' before.') AS what,
  added AS related
FROM pairs
WHERE place = 1
ORDER BY timestamp, id, related
