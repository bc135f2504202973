-- New addresses: from where did an actor act that was not seen in the actor's first address_baseline_days? Newest first.
WITH uses AS (
  SELECT
    coalesce(actor_email, actor_id) AS actor,
    ip_address,
    min(timestamp) AS first_use,
    count(*) AS entries
  FROM audit
  WHERE ip_address IS NOT NULL AND coalesce(actor_email, actor_id) IS NOT NULL
  GROUP BY coalesce(actor_email, actor_id), ip_address
),
beginnings AS (
  SELECT actor, min(first_use) AS first_entry FROM uses GROUP BY actor
),
fresh AS (
  SELECT uses.actor, uses.ip_address, uses.first_use, uses.entries
  FROM uses
  JOIN beginnings ON beginnings.actor = uses.actor
  WHERE unix_micros(uses.first_use) - unix_micros(beginnings.first_entry)
    >= $address_baseline_days * cast(86400000000 AS bigint)
),
at_first_use AS (
  SELECT
    audit.timestamp,
    audit.id,
    fresh.actor,
    coalesce(audit.resource_name, audit.resource_id) AS resource,
    fresh.ip_address,
    fresh.entries,
    row_number() OVER (PARTITION BY fresh.actor, fresh.ip_address ORDER BY audit.id) AS place
  FROM audit
  JOIN fresh
    ON fresh.first_use = audit.timestamp
    AND fresh.ip_address = audit.ip_address
    AND fresh.actor = coalesce(audit.actor_email, audit.actor_id)
)
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat('First use of ', ip_address, ', entries from it: ', cast(entries AS string), '.') AS what,
  cast(NULL AS string) AS related
FROM at_first_use
WHERE place = 1
ORDER BY timestamp DESC, id, what
