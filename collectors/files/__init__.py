"""Events out of files: Windows event logs, JSON, network captures, text logs, also packed; streaming.

In constant memory.
"""

from collectors.files.formats import Format
from collectors.files.inputs import input_files
from collectors.files.problems import Problems
from collectors.files.reading import check_file, read_events
from collectors.source_event import SourceEvent

__all__ = ["Format", "Problems", "SourceEvent", "check_file", "input_files", "read_events"]
