-- Silent stretches: where is there no entry for more than silence_hours, and longer than 99 of 100 gaps? Longest first.
WITH moments AS (
  SELECT DISTINCT unix_micros(timestamp) AS micros FROM audit
),
gaps AS (
  SELECT lag(micros) OVER (ORDER BY micros) AS began, micros AS ended FROM moments
),
ordinary AS (
  SELECT coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY ended - began), 0) AS micros FROM gaps
),
stretches AS (
  SELECT began, ended FROM gaps WHERE began IS NOT NULL
  UNION ALL
  SELECT $since AS began, coalesce(min(micros), $until) AS ended FROM moments
  UNION ALL
  SELECT max(micros) AS began, $until AS ended FROM moments HAVING count(*) > 0
),
silent AS (
  SELECT stretches.began, stretches.ended
  FROM stretches
  CROSS JOIN ordinary
  WHERE stretches.ended - stretches.began > $silence_hours * cast(3600000000 AS bigint)
    AND stretches.ended - stretches.began > ordinary.micros
)
SELECT
  silent.began AS began_micros,
  silent.ended AS ended_micros,
  min(before.timestamp) AS timestamp,
  min(before.id) AS id,
  cast(NULL AS string) AS actor,
  cast(NULL AS string) AS resource,
  concat('No entry for ', cast(round((silent.ended - silent.began) / 3600000000, 1) AS string), ' hours',
    CASE WHEN silent.began = $since THEN ', from the start of the period' ELSE '' END,
    CASE WHEN silent.ended = $until THEN ', up to the end of the period' ELSE '' END, '.') AS what,
  min(after.id) AS related
FROM silent
LEFT JOIN audit AS before ON unix_micros(before.timestamp) = silent.began
LEFT JOIN audit AS after ON unix_micros(after.timestamp) = silent.ended
GROUP BY silent.began, silent.ended
ORDER BY silent.ended - silent.began DESC, silent.began
