-- Leavers: which removed users acted later, or had made tokens that outlived them by leaver_token_hours or more?
WITH removed AS (
  SELECT
    timestamp,
    id,
    coalesce(actor_email, actor_id) AS actor,
    resource_id,
    resource_name,
    coalesce(resource_name, resource_id) AS resource,
    coalesce(resource_id, resource_name) AS person
  FROM audit
  WHERE action = 'user.remove'
),
returns AS (
  SELECT removed.id, min(audit.timestamp) AS timestamp
  FROM removed
  JOIN audit ON coalesce(audit.resource_id, audit.resource_name) = removed.person
  WHERE audit.action = 'user.add' AND audit.timestamp > removed.timestamp
  GROUP BY removed.id
),
acts AS (
  SELECT removed.id AS removal, audit.id, audit.timestamp, audit.action,
    coalesce(audit.resource_id, audit.resource_name) AS thing
  FROM removed JOIN audit ON audit.actor_id = removed.resource_id
  UNION
  SELECT removed.id AS removal, audit.id, audit.timestamp, audit.action,
    coalesce(audit.resource_id, audit.resource_name) AS thing
  FROM removed JOIN audit ON audit.actor_email = removed.resource_name
),
later AS (
  SELECT acts.removal, acts.id, acts.timestamp,
    row_number() OVER (PARTITION BY acts.removal ORDER BY acts.timestamp, acts.id) AS place,
    count(*) OVER (PARTITION BY acts.removal) AS entries
  FROM acts
  JOIN removed ON removed.id = acts.removal
  LEFT JOIN returns ON returns.id = acts.removal
  WHERE acts.timestamp > removed.timestamp AND (returns.timestamp IS NULL OR acts.timestamp < returns.timestamp)
),
tokens AS (
  SELECT id, timestamp, action, coalesce(resource_id, resource_name) AS thing,
    coalesce(resource_name, resource_id) AS name,
    lead(action) OVER (PARTITION BY coalesce(resource_id, resource_name) ORDER BY timestamp, id) AS next_action,
    lead(timestamp) OVER (PARTITION BY coalesce(resource_id, resource_name) ORDER BY timestamp, id) AS next_timestamp
  FROM audit
  WHERE action IN ('token.create', 'token.delete')
)
SELECT
  removed.timestamp,
  removed.id,
  removed.actor,
  removed.resource,
  concat('Entries by the removed user: ', cast(later.entries AS string), ', the first ',
    cast(round((unix_micros(later.timestamp) - unix_micros(removed.timestamp)) / 3600000000, 1) AS string),
    ' hours after the removal.') AS what,
  later.id AS related
FROM removed
JOIN later ON later.removal = removed.id AND later.place = 1
UNION ALL
SELECT
  removed.timestamp,
  removed.id,
  removed.actor,
  removed.resource,
  CASE
    WHEN tokens.next_action = 'token.delete' THEN concat('Token ', coalesce(tokens.name, 'without a name'),
      ' of the removed user was deleted ',
      cast(round((unix_micros(tokens.next_timestamp) - unix_micros(removed.timestamp)) / 3600000000, 1) AS string),
      ' hours after the removal.')
    ELSE concat('Token ', coalesce(tokens.name, 'without a name'),
      ' of the removed user was not deleted up to the end of the period.')
  END AS what,
  tokens.id AS related
FROM removed
JOIN acts ON acts.removal = removed.id AND acts.action = 'token.create' AND acts.timestamp < removed.timestamp
JOIN tokens ON tokens.id = acts.id
WHERE coalesce(CASE WHEN tokens.next_action = 'token.delete' THEN unix_micros(tokens.next_timestamp) END, $until)
  - unix_micros(removed.timestamp) >= $leaver_token_hours * cast(3600000000 AS bigint)
ORDER BY timestamp, id, related
