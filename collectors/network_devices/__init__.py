"""What firewalls, UTM appliances, switches and routers send: log lines in their many dialects, and NetFlow or IPFIX.

Everything but `receiver` is without I/O: bytes in, events out. No parser raises: what cannot be understood is kept as
text or counted.
"""
