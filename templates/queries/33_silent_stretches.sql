-- Silent stretches: which stretches without an entry are longer than silence_hours, and of the longest hundredth of all? Longest first.
-- Within an hour that has entries no stretch is that long, so the hours' first and last entries are enough.
WITH hours AS (
  SELECT
    floor(unix_micros(timestamp) / 3600000000) AS hour,
    min(timestamp) AS first_entry,
    max(timestamp) AS last_entry,
    count(*) AS entries
  FROM audit
  GROUP BY floor(unix_micros(timestamp) / 3600000000)
),
stretches AS (
  SELECT
    entry_before,
    entry_after,
    coalesce(unix_micros(entry_before), $since) AS began,
    coalesce(unix_micros(entry_after), $until) AS ended
  FROM (
    SELECT lag(last_entry) OVER (ORDER BY hour) AS entry_before, first_entry AS entry_after FROM hours
    UNION ALL
    SELECT max(last_entry) AS entry_before, NULL AS entry_after FROM hours
  ) AS between_entries
),
ranked AS (
  SELECT *, rank() OVER (ORDER BY ended - began DESC) AS place FROM stretches
),
silent AS (
  SELECT entry_before, entry_after, began, ended
  FROM ranked
  WHERE ended - began > $silence_hours * cast(3600000000 AS bigint)
    AND place <= (SELECT ceil((coalesce(sum(entries), 0) + 1) / 100.0) FROM hours)
),
ends AS (
  SELECT timestamp, min(id) AS id
  FROM audit
  WHERE timestamp IN (SELECT entry_before FROM silent UNION ALL SELECT entry_after FROM silent)
  GROUP BY timestamp
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
LEFT JOIN ends AS earlier ON earlier.timestamp = silent.entry_before
LEFT JOIN ends AS following ON following.timestamp = silent.entry_after
ORDER BY silent.ended - silent.began DESC, silent.began
