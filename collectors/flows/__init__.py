"""Network flows out of packets: decoding, flow table and capture files, all without opening a socket."""
