"""Captures that the centre asks of agents and fetches in pieces."""
