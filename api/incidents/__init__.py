"""Incidents as the console sees and changes them: queue rows, one incident's page, actions, notices."""
