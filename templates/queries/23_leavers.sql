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
  SELECT removed.id, min(added.timestamp) AS timestamp
  FROM audit AS added
  JOIN removed ON removed.person = coalesce(added.resource_id, added.resource_name)
  WHERE added.action = 'user.add' AND added.timestamp > removed.timestamp
  GROUP BY removed.id
),
actors AS (
  SELECT DISTINCT coalesce(actor_id, '') AS actor_id, coalesce(actor_email, '') AS actor_email FROM audit
),
accounts AS (
  SELECT removed.id AS removal, removed.timestamp AS since, returns.timestamp AS until, actors.actor_id, actors.actor_email
  FROM removed
  JOIN actors ON actors.actor_id = removed.resource_id OR actors.actor_email = removed.resource_name
  LEFT JOIN returns ON returns.id = removed.id
),
acts AS (
  SELECT accounts.removal, count(*) AS entries, min(audit.timestamp) AS first_act
  FROM audit
  JOIN accounts
    ON accounts.actor_id = coalesce(audit.actor_id, '') AND accounts.actor_email = coalesce(audit.actor_email, '')
  WHERE audit.timestamp > accounts.since AND (accounts.until IS NULL OR audit.timestamp < accounts.until)
  GROUP BY accounts.removal
),
later AS (
  SELECT acts.removal, acts.entries, acts.first_act, min(audit.id) AS id
  FROM audit
  JOIN acts ON acts.first_act = audit.timestamp
  JOIN accounts
    ON accounts.removal = acts.removal
    AND accounts.actor_id = coalesce(audit.actor_id, '')
    AND accounts.actor_email = coalesce(audit.actor_email, '')
  GROUP BY acts.removal, acts.entries, acts.first_act
),
tokens AS (
  SELECT
    id,
    timestamp,
    action,
    actor_id,
    actor_email,
    coalesce(resource_name, resource_id, 'without a name') AS name,
    lead(action) OVER (PARTITION BY coalesce(resource_id, resource_name, id) ORDER BY timestamp, id) AS next_action,
    lead(timestamp) OVER (PARTITION BY coalesce(resource_id, resource_name, id) ORDER BY timestamp, id) AS next_timestamp
  FROM audit
  WHERE coalesce(action, '') IN ('token.create', 'token.delete')
),
made AS (
  SELECT
    removed.id AS removal,
    tokens.id,
    tokens.name,
    CASE WHEN tokens.next_action = 'token.delete' THEN tokens.next_timestamp END AS deleted
  FROM tokens
  JOIN removed ON removed.resource_id = tokens.actor_id OR removed.resource_name = tokens.actor_email
  WHERE tokens.action = 'token.create' AND tokens.timestamp < removed.timestamp
)
SELECT
  removed.timestamp,
  removed.id,
  removed.actor,
  removed.resource,
  concat('Entries by the removed user: ', cast(later.entries AS string), ', the first ',
    cast(round((unix_micros(later.first_act) - unix_micros(removed.timestamp)) / 3600000000, 1) AS string),
    ' hours after the removal.') AS what,
  later.id AS related
FROM removed
JOIN later ON later.removal = removed.id
UNION ALL
SELECT
  removed.timestamp,
  removed.id,
  removed.actor,
  removed.resource,
  CASE
    WHEN made.deleted IS NULL
      THEN concat('Token ', made.name, ' of the removed user was not deleted up to the end of the period.')
    ELSE concat('Token ', made.name, ' of the removed user was deleted ',
      cast(round((unix_micros(made.deleted) - unix_micros(removed.timestamp)) / 3600000000, 1) AS string),
      ' hours after the removal.')
  END AS what,
  made.id AS related
FROM removed
JOIN made ON made.removal = removed.id
WHERE coalesce(unix_micros(made.deleted), $until) - unix_micros(removed.timestamp)
  >= $leaver_token_hours * cast(3600000000 AS bigint)
ORDER BY timestamp, id, related
