-- Leavers: which removed users acted later, or had made tokens that outlived them by leaver_token_hours or more?
-- At one instant a token that has an id is created first. Of those that have only a name one is deleted first.
WITH removed AS (
  SELECT
    timestamp,
    id,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
    coalesce(resource_id, lower(resource_name)) AS person,
    resource_id,
    lower(resource_name) AS address
  FROM audit
  WHERE action = 'user.remove'
),
persons AS (
  SELECT DISTINCT person, resource_id, address FROM removed
),
added AS (
  SELECT id, timestamp, resource_id, lower(resource_name) AS address FROM audit WHERE action = 'user.add'
),
returns AS (
  SELECT persons.person, added.id, added.timestamp
  FROM added
  JOIN persons ON persons.resource_id = added.resource_id
  UNION
  SELECT persons.person, added.id, added.timestamp
  FROM added
  JOIN persons ON persons.address = added.address
),
actors AS (
  SELECT DISTINCT coalesce(actor_id, '') AS actor_id, coalesce(actor_email, '') AS actor_email FROM audit
),
accounts AS (
  SELECT persons.person, actors.actor_id, actors.actor_email
  FROM actors
  JOIN persons ON persons.resource_id = actors.actor_id
  UNION
  SELECT persons.person, actors.actor_id, actors.actor_email
  FROM actors
  JOIN persons ON persons.address = lower(actors.actor_email)
),
tokens AS (
  SELECT
    id,
    timestamp,
    action,
    coalesce(actor_id, '') AS actor_id,
    coalesce(actor_email, '') AS actor_email,
    coalesce(resource_name, resource_id, 'without a name') AS name,
    lead(action) OVER life AS next_action,
    lead(timestamp) OVER life AS next_timestamp
  FROM audit
  WHERE coalesce(action, '') IN ('token.create', 'token.delete')
  WINDOW life AS (
    PARTITION BY coalesce(resource_id, resource_name, id)
    ORDER BY timestamp, CASE WHEN (action = 'token.delete') = (resource_id IS NULL) THEN 0 ELSE 1 END, id
  )
),
turns AS (
  SELECT person, id, timestamp, 'user.remove' AS action, cast(NULL AS string) AS name, cast(NULL AS timestamp) AS deleted
  FROM removed
  UNION ALL
  SELECT person, id, timestamp, 'user.add' AS action, cast(NULL AS string) AS name, cast(NULL AS timestamp) AS deleted
  FROM returns
  UNION ALL
  SELECT
    accounts.person,
    tokens.id,
    tokens.timestamp,
    tokens.action,
    tokens.name,
    CASE WHEN tokens.next_action = 'token.delete' THEN tokens.next_timestamp END AS deleted
  FROM tokens
  JOIN accounts ON accounts.actor_id = tokens.actor_id AND accounts.actor_email = tokens.actor_email
  WHERE tokens.action = 'token.create'
),
lives AS (
  SELECT
    person,
    id,
    timestamp,
    action,
    name,
    deleted,
    min(CASE WHEN action = 'user.add' THEN timestamp END) OVER (
      PARTITION BY person ORDER BY unix_micros(timestamp) DESC RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS next_return,
    min(CASE WHEN action = 'user.remove' THEN timestamp END) OVER (
      PARTITION BY person ORDER BY unix_micros(timestamp) DESC RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS next_removal
  FROM turns
),
absences AS (
  SELECT
    lives.id AS removal,
    lives.timestamp AS since,
    lives.next_return AS until,
    accounts.actor_id,
    accounts.actor_email
  FROM lives
  JOIN accounts ON accounts.person = lives.person
  WHERE lives.action = 'user.remove'
),
acts AS (
  SELECT absences.removal, count(*) AS entries, min(audit.timestamp) AS first_act
  FROM audit
  JOIN absences
    ON absences.actor_id = coalesce(audit.actor_id, '') AND absences.actor_email = coalesce(audit.actor_email, '')
  WHERE audit.timestamp > absences.since AND (absences.until IS NULL OR audit.timestamp < absences.until)
  GROUP BY absences.removal
),
later AS (
  SELECT acts.removal, acts.entries, acts.first_act, min(audit.id) AS id
  FROM audit
  JOIN acts ON acts.first_act = audit.timestamp
  JOIN absences
    ON absences.removal = acts.removal
    AND absences.actor_id = coalesce(audit.actor_id, '')
    AND absences.actor_email = coalesce(audit.actor_email, '')
  GROUP BY acts.removal, acts.entries, acts.first_act
),
made AS (
  SELECT
    lives.id,
    lives.name,
    lives.deleted,
    removed.id AS removal,
    row_number() OVER (PARTITION BY lives.id ORDER BY removed.timestamp, removed.id) AS place
  FROM lives
  JOIN removed ON removed.person = lives.person AND removed.timestamp = lives.next_removal
  WHERE lives.action = 'token.create'
)
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat('Entries by the removed user: ', cast(entries AS string), ', the first ',
    CASE
      WHEN apart < 60000000 THEN concat(cast(round(apart / 1000000, 1) AS string), ' seconds')
      WHEN apart < 3600000000 THEN concat(cast(round(apart / 60000000, 1) AS string), ' minutes')
      ELSE concat(cast(round(apart / 3600000000, 1) AS string), ' hours')
    END, ' after the removal.') AS what,
  related
FROM (
  SELECT
    removed.timestamp,
    removed.id,
    removed.actor,
    removed.resource,
    later.entries,
    unix_micros(later.first_act) - unix_micros(removed.timestamp) AS apart,
    later.id AS related
  FROM removed
  JOIN later ON later.removal = removed.id
) AS followed
UNION ALL
SELECT
  removed.timestamp,
  removed.id,
  removed.actor,
  removed.resource,
  CASE
    WHEN made.deleted IS NULL
      THEN concat('Not deleted up to the end of the period: a token that the removed user had made, ', made.name, '.')
    ELSE concat('Deleted ',
      cast(round((unix_micros(made.deleted) - unix_micros(removed.timestamp)) / 3600000000, 1) AS string),
      ' hours after the removal: a token that the removed user had made, ', made.name, '.')
  END AS what,
  made.id AS related
FROM removed
JOIN made ON made.removal = removed.id
WHERE made.place = 1
  AND coalesce(unix_micros(made.deleted), $until) - unix_micros(removed.timestamp)
    >= $leaver_token_hours * cast(3600000000 AS bigint)
ORDER BY timestamp, id, related
