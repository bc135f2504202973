-- Idle actors: who has no entry in the last idle_days of the period, and was not removed for good? Longest idle first.
-- The last addition or removal decides, by the address or any id that goes with it. At one instant additions come last.
WITH actors AS (
  SELECT actor_key, max(timestamp) AS last_entry, count(*) AS entries
  FROM audit
  WHERE actor_key IS NOT NULL
  GROUP BY actor_key
  HAVING $until - unix_micros(max(timestamp)) > $idle_days * cast(86400000000 AS bigint)
),
accounts AS (
  SELECT DISTINCT audit.actor_key, audit.actor_id, lower(audit.actor_email) AS address
  FROM audit
  JOIN actors ON actors.actor_key = audit.actor_key
),
users AS (
  SELECT timestamp, id, action, resource_id, lower(resource_name) AS address
  FROM audit
  WHERE coalesce(action, '') IN ('user.add', 'user.remove')
),
turns AS (
  SELECT accounts.actor_key, users.timestamp, users.id, users.action
  FROM accounts
  JOIN users ON users.resource_id = accounts.actor_id
  UNION ALL
  SELECT accounts.actor_key, users.timestamp, users.id, users.action
  FROM accounts
  JOIN users ON users.address = accounts.address
),
last_turns AS (
  SELECT
    actor_key,
    action,
    row_number() OVER (
      PARTITION BY actor_key ORDER BY timestamp DESC, CASE WHEN action = 'user.add' THEN 0 ELSE 1 END, id
    ) AS place
  FROM turns
),
at_the_end AS (
  SELECT
    audit.timestamp,
    audit.id,
    coalesce(audit.actor_email, audit.actor_id) AS actor,
    coalesce(audit.resource_name, audit.resource_id) AS resource,
    actors.entries,
    row_number() OVER (PARTITION BY actors.actor_key ORDER BY audit.id) AS place
  FROM audit
  JOIN actors ON actors.last_entry = audit.timestamp AND actors.actor_key = audit.actor_key
  WHERE actors.actor_key NOT IN (SELECT actor_key FROM last_turns WHERE place = 1 AND action = 'user.remove')
)
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat('Last of the entries by this actor (', cast(entries AS string), '), ',
    cast(cast(floor(($until - unix_micros(timestamp)) / 86400000000) AS bigint) AS string),
    ' days before the end of the period.') AS what,
  cast(NULL AS string) AS related
FROM at_the_end
WHERE place = 1
ORDER BY timestamp, actor
