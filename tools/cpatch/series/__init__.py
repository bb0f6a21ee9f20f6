"""From overlay and patches to a source tree and back: apply, refresh, lint, bump."""
