"""Prints the first 400 network flows of a capture as events: `flows_of_capture.py CAPTURE HOSTNAME`."""

import json
import sys
from itertools import islice
from pathlib import Path

from collectors.files import Problems, read_events
from jikimi.domain.logsource import NETWORK_FLOW

capture, hostname = sys.argv[1:]
flows = (one.event for one in read_events(Path(capture), problems=Problems()) if one.logsource == NETWORK_FLOW)
for event in islice(flows, 400):
    logsource = {"product": NETWORK_FLOW.product, "category": NETWORK_FLOW.category}
    sys.stdout.write(json.dumps(event | {"Hostname": hostname, "logsource": logsource}, ensure_ascii=False) + "\n")
