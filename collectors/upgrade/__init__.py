"""A new version of the agent beside the old one: verified, tried, switched to, and back again when it does not run.

Its own program (`jikimi agent upgrade`): the running agent loads none of this, least of all the signature library.
"""
