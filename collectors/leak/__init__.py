"""Leak evidence: what is written to removable media and synchronised folders, held against the protected documents.

The content is read, compared and forgotten on the client's own computer; what leaves it says which document, how much
of it and how sure, never what is in it. `source` lives in the agent; everything that opens a file lives in a process
of its own (`__main__`), which is capped, of the lowest priority, and gone when there is nothing to do.
"""
