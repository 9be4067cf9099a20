"""What the agent can see, one module a source: `files`, `media`, `flows`; the other modules are their parts."""
