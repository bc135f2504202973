-- New addresses: from where did an actor act that was not seen in the address_baseline_days from the actor's first address on? Newest first.
WITH uses AS (
  SELECT
    actor_key,
    lower(ip_address) AS address,
    min(timestamp) AS first_use,
    count(*) AS entries
  FROM audit
  WHERE ip_address IS NOT NULL AND actor_key IS NOT NULL
  GROUP BY actor_key, lower(ip_address)
),
beginnings AS (
  SELECT actor_key, min(first_use) AS first_address FROM uses GROUP BY actor_key
),
fresh AS (
  SELECT uses.actor_key, uses.address, uses.first_use, uses.entries
  FROM uses
  JOIN beginnings ON beginnings.actor_key = uses.actor_key
  WHERE unix_micros(uses.first_use) - unix_micros(beginnings.first_address)
    >= $address_baseline_days * cast(86400000000 AS bigint)
),
at_first_use AS (
  SELECT
    audit.timestamp,
    audit.id,
    coalesce(audit.actor_email, audit.actor_id) AS actor,
    coalesce(audit.resource_name, audit.resource_id) AS resource,
    audit.ip_address,
    fresh.entries,
    row_number() OVER (PARTITION BY fresh.actor_key, fresh.address ORDER BY audit.id) AS place
  FROM audit
  JOIN fresh
    ON fresh.first_use = audit.timestamp
    AND fresh.address = lower(audit.ip_address)
    AND fresh.actor_key = audit.actor_key
)
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat('Entries: ', cast(entries AS string), '. This is the first from ', ip_address, '.') AS what,
  cast(NULL AS string) AS related
FROM at_first_use
WHERE place = 1
ORDER BY timestamp DESC, id, what
