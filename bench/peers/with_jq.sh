#!/bin/sh
# The log with jq: CSV and JSON lines, oldest first. Usage: with_jq.sh PAGES TO
set -eu
entries='.data.audit_logs | reverse | .[]'
find "$1" -name 'page-*.json' -print0 | sort -rz | xargs -0 cat > "$2/pages.json"
jq -c "$entries" "$2/pages.json" > "$2/audit.jsonl"
jq -r "$entries"' | [.id, .created_at, .organization_id, .actor_id, .actor_email, .actor_type, .ip_address,
  .user_agent, .action, .resource_type, .resource_id, .resource_name, .metadata.request_id, (.changes | tojson),
  (.metadata | tojson)] | @csv' "$2/pages.json" > "$2/audit.csv"
sha256sum "$2/audit.jsonl" "$2/audit.csv" > "$2/sums"
