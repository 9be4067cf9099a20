"""Tells client companies by SMS and mail what was found: outbox worker, channels, templates, provider sandboxes."""
