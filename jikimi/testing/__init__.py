"""Test doubles and data finders that ship with the package."""
