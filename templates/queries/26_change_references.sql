-- Changes: how many deployments by each kind of actor name a commit, ticket or the like in their metadata, and how many do not?
-- A reference is a text that is not empty, a number, an object with members, or a list that begins with a text, a
-- number or an object.
SELECT
  actor_type,
  count(*) AS changes,
  sum(named) AS with_reference,
  count(*) - sum(named) AS without_reference
FROM (
  SELECT
    actor_type,
    CASE
      WHEN regexp_like(
        metadata,
        concat('[{,]"(?i:(', $change_keys_pattern, ')[^"]*)":("[^"]|-?[0-9]|[{]"|', chr(92), '[["{0-9-])')
      ) THEN 1
      ELSE 0
    END AS named
  FROM audit
  WHERE action = 'deploy'
) AS deployments
GROUP BY actor_type
ORDER BY changes DESC, actor_type NULLS LAST
