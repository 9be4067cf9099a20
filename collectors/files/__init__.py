"""Events out of files: Windows event logs, JSON, network captures, also packed; streaming, in constant memory."""

from collectors.files.formats import Format
from collectors.files.inputs import input_files
from collectors.files.problems import Problems
from collectors.files.reading import SourceEvent, check_file, read_events

__all__ = ["Format", "Problems", "SourceEvent", "check_file", "input_files", "read_events"]
