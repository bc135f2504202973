-- How many entries does each action have, and when were its first and its last?
SELECT
  action,
  count(*) AS entries,
  min(timestamp) AS earliest,
  max(timestamp) AS latest
FROM audit
GROUP BY action
ORDER BY entries DESC, action
