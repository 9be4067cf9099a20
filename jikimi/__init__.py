"""Jikimi (지킴이): what every room shares. See docs/architecture.md."""

__version__ = "0.1.0"
