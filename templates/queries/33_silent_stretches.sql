-- Silent stretches: where is there no entry for more than silence_hours, and longer than 99 of 100 stretches? Longest first.
-- Within an hour that has entries no stretch is that long, so the hours' first and last entries are enough.
WITH hours AS (
  SELECT
    floor(unix_micros(timestamp) / 3600000000) AS hour,
    min(unix_micros(timestamp)) AS first_micros,
    max(unix_micros(timestamp)) AS last_micros,
    count(*) AS entries
  FROM audit
  GROUP BY floor(unix_micros(timestamp) / 3600000000)
),
stretches AS (
  SELECT lag(last_micros) OVER (ORDER BY hour) AS began, first_micros AS ended FROM hours
  UNION ALL
  SELECT $since AS began, coalesce(min(first_micros), $until) AS ended FROM hours
  UNION ALL
  SELECT max(last_micros) AS began, $until AS ended FROM hours
),
ranked AS (
  SELECT began, ended, rank() OVER (ORDER BY ended - began DESC) AS place
  FROM stretches
  WHERE began IS NOT NULL
),
silent AS (
  SELECT began, ended
  FROM ranked
  WHERE ended - began > $silence_hours * cast(3600000000 AS bigint)
    AND place <= (SELECT ceil((coalesce(sum(entries), 0) + 1) / 100.0) FROM hours)
),
ends AS (
  SELECT unix_micros(timestamp) AS micros, min(timestamp) AS timestamp, min(id) AS id
  FROM audit
  WHERE unix_micros(timestamp) IN (SELECT began FROM silent UNION ALL SELECT ended FROM silent)
  GROUP BY unix_micros(timestamp)
)
SELECT
  earlier.timestamp,
  earlier.id,
  cast(NULL AS string) AS actor,
  cast(NULL AS string) AS resource,
  concat('No entry for ', cast(round((silent.ended - silent.began) / 3600000000, 1) AS string), ' hours',
    CASE WHEN silent.began = $since THEN ', from the start of the period' ELSE '' END,
    CASE WHEN silent.ended = $until THEN ', up to the end of the period' ELSE '' END, '.') AS what,
  following.id AS related
FROM silent
LEFT JOIN ends AS earlier ON earlier.micros = silent.began
LEFT JOIN ends AS following ON following.micros = silent.ended
ORDER BY silent.ended - silent.began DESC, silent.began
