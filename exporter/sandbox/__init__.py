"""An independent platform with an append-only audit log. It imports nothing of the exporter."""
