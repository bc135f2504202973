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
)
SELECT
  min(earlier.timestamp) AS timestamp,
  min(earlier.id) AS id,
  cast(NULL AS string) AS actor,
  cast(NULL AS string) AS resource,
  concat('No entry for ', cast(round((silent.ended - silent.began) / 3600000000, 1) AS string), ' hours',
    CASE WHEN silent.began = $since THEN ', from the start of the period' ELSE '' END,
    CASE WHEN silent.ended = $until THEN ', up to the end of the period' ELSE '' END, '.') AS what,
  min(following.id) AS related
FROM silent
LEFT JOIN audit AS earlier ON unix_micros(earlier.timestamp) = silent.began
LEFT JOIN audit AS following ON unix_micros(following.timestamp) = silent.ended
GROUP BY silent.began, silent.ended
ORDER BY silent.ended - silent.began DESC, silent.began
