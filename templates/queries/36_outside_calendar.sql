-- Outside the calendar: on which days did a person act outside the declared working hours? Automation is left out; newest first.
WITH local AS (
  SELECT
    timestamp,
    id,
    coalesce(actor_key, id) AS person,
    coalesce(actor_email, actor_id) AS actor,
    coalesce(resource_name, resource_id) AS resource,
    unix_micros(from_utc_timestamp(timestamp, $calendar_zone)) AS micros
  FROM audit
  WHERE coalesce(lower(actor_type), '') NOT IN $automation_types
),
clocks AS (
  SELECT
    timestamp,
    id,
    person,
    actor,
    resource,
    date_add(DATE '1970-01-01', cast(floor(micros / 86400000000) AS int)) AS day,
    cast((floor(micros / 86400000000) + 3) % 7 AS int) AS weekday,
    cast(floor(micros / 60000000) % 1440 AS int) AS minute
  FROM local
),
outside AS (
  SELECT
    timestamp,
    id,
    actor,
    resource,
    day,
    minute,
    row_number() OVER (PARTITION BY person, day ORDER BY timestamp, id) AS place,
    count(*) OVER (PARTITION BY person, day) AS entries
  FROM clocks
  WHERE weekday NOT IN $calendar_days
    OR minute < $calendar_begins
    OR minute >= $calendar_ends
    OR cast(day AS string) IN $calendar_holidays
)
SELECT
  timestamp,
  id,
  actor,
  resource,
  concat('Entries outside working hours on ', substring(cast(day AS string), 1, 10), ': ', cast(entries AS string),
    ', the first at ', lpad(cast(cast(floor(minute / 60) AS int) AS string), 2, '0'), ':',
    lpad(cast(minute % 60 AS string), 2, '0'), ' by the clocks of ', $calendar_zone, '.') AS what,
  cast(NULL AS string) AS related
FROM outside
WHERE place = 1
ORDER BY timestamp DESC, id
