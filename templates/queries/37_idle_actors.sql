-- Idle actors: who has no entry in the last idle_days of the period, and was not removed? Longest idle first.
WITH actors AS (
  SELECT
    coalesce(actor_email, actor_id) AS actor,
    max(actor_id) AS actor_id,
    max(actor_email) AS actor_email,
    max(timestamp) AS last_entry,
    count(*) AS entries
  FROM audit
  WHERE coalesce(actor_email, actor_id) IS NOT NULL
  GROUP BY coalesce(actor_email, actor_id)
  HAVING $until - unix_micros(max(timestamp)) > $idle_days * cast(86400000000 AS bigint)
),
removed AS (
  SELECT resource_id, resource_name FROM audit WHERE action = 'user.remove'
),
at_the_end AS (
  SELECT
    audit.timestamp,
    audit.id,
    actors.actor,
    coalesce(audit.resource_name, audit.resource_id) AS resource,
    actors.entries,
    row_number() OVER (PARTITION BY actors.actor ORDER BY audit.id) AS place
  FROM audit
  JOIN actors ON actors.last_entry = audit.timestamp AND actors.actor = coalesce(audit.actor_email, audit.actor_id)
  WHERE coalesce(actors.actor_id, '') NOT IN (SELECT coalesce(resource_id, '-') FROM removed)
    AND coalesce(actors.actor_email, '') NOT IN (SELECT coalesce(resource_name, '-') FROM removed)
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
