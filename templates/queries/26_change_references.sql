-- Changes: how many deployments by each kind of actor name a commit, ticket or the like in their metadata, and how many do not?
SELECT
  actor_type,
  count(*) AS changes,
  sum(named) AS with_reference,
  count(*) - sum(named) AS without_reference
FROM (
  SELECT
    actor_type,
    CASE
      WHEN regexp_like(metadata, concat('"(?i:(', $change_keys_pattern, ')[a-z0-9_.:/ -]*)":("[^"]|[0-9])')) THEN 1
      ELSE 0
    END AS named
  FROM audit
  WHERE action = 'deploy'
) AS deployments
GROUP BY actor_type
ORDER BY changes DESC, actor_type
