-- Privileged grants: who was given a privileged role, by whom, and until when? Last, the entries whose role cannot be read.
-- A role can be compared where an entry has one field for it, and the field one text without an escape, or null.
WITH roles AS (
  SELECT
    id,
    lower(trim(BOTH '"' FROM max(CASE WHEN old NOT IN ('null', '""') THEN old END))) AS before,
    lower(trim(BOTH '"' FROM max(new))) AS after,
    CASE
      WHEN count(*) = 1 AND (max(new) = 'null' OR (max(new) LIKE '"%' AND instr(max(new), chr(92)) = 0)) THEN 1
      ELSE 0
    END AS readable
  FROM changed_fields
  WHERE coalesce(action, '') IN ('user.add', 'user.role.update') AND field IN ('role', 'roles')
  GROUP BY id
),
users AS (
  SELECT
    audit.timestamp,
    audit.id,
    audit.action,
    coalesce(audit.actor_email, audit.actor_id) AS actor,
    coalesce(audit.resource_name, audit.resource_id) AS resource,
    coalesce(audit.resource_id, lower(audit.resource_name)) AS person,
    roles.before,
    roles.after,
    CASE WHEN roles.after IN $privileged_roles THEN 1 ELSE 0 END AS privileged,
    CASE WHEN roles.before IN $privileged_roles THEN 1 ELSE 0 END AS privileged_before,
    coalesce(roles.readable, 0) AS readable
  FROM audit
  LEFT JOIN roles ON roles.id = audit.id
  WHERE coalesce(audit.action, '') IN ('user.add', 'user.role.update', 'user.remove')
),
ends AS (
  SELECT given.id, min(later.timestamp) AS timestamp
  FROM users AS given
  JOIN users AS later ON later.person = given.person AND later.timestamp > given.timestamp
  WHERE later.action = 'user.remove' OR (later.readable = 1 AND later.privileged = 0)
  GROUP BY given.id
)
SELECT
  users.timestamp,
  users.id,
  users.actor,
  users.resource,
  CASE
    WHEN users.readable = 0 THEN 'The entry does not say the new role in a form that can be compared.'
    WHEN users.action = 'user.add' THEN concat('Added straight into the role ', users.after, ', ')
    ELSE concat('From ', coalesce(users.before, 'no stated role'), ' to ', users.after, ', ')
  END
  || CASE
    WHEN users.readable = 0 THEN ''
    WHEN ends.timestamp IS NULL THEN 'no end seen in the period.'
    ELSE concat('until ', substring(cast(ends.timestamp AS string), 1, 19), '.')
  END AS what,
  cast(NULL AS string) AS related
FROM users
LEFT JOIN ends ON ends.id = users.id
WHERE users.action <> 'user.remove'
  AND (
    users.readable = 0
    OR (users.privileged = 1 AND (users.privileged_before = 0 OR users.action = 'user.add'))
  )
ORDER BY users.readable DESC, users.timestamp, users.id
