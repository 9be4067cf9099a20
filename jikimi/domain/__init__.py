"""The vocabulary, as pure data: events, findings, incidents, risk levels, tenants. See docs/glossary.md."""
