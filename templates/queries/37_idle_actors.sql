-- Idle actors: who has no entry in the last idle_days of the period, and was not removed? Longest idle first.
WITH actors AS (
  SELECT
    actor_key,
    max(actor_id) AS actor_id,
    max(lower(actor_email)) AS address,
    max(timestamp) AS last_entry,
    count(*) AS entries
  FROM audit
  WHERE actor_key IS NOT NULL
  GROUP BY actor_key
  HAVING $until - unix_micros(max(timestamp)) > $idle_days * cast(86400000000 AS bigint)
),
removed AS (
  SELECT resource_id, lower(resource_name) AS address FROM audit WHERE action = 'user.remove'
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
  WHERE coalesce(actors.actor_id, '') NOT IN (SELECT coalesce(resource_id, '-') FROM removed)
    AND coalesce(actors.address, '') NOT IN (SELECT coalesce(address, '-') FROM removed)
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
