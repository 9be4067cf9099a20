"""`jikimi flows`: the conversations of packet captures, one a line."""

from pathlib import Path
from typing import Annotated

import typer

from jikimi.cli.errors import for_people

EPILOG = """\b
Examples:
  jikimi flows office.pcap
  jikimi flows --csv monday.pcapng.gz > monday.csv
  jikimi flows --join ring/*.pcapng | jq 'select(.bytes_out > 100000000)'
  tcpdump -w - -c 1000 | jikimi flows -

\b
A line is a flow: src_ip src_port dst_ip dst_port proto start end packets_out packets_in bytes_out bytes_in
connection_state end_reason vlan. src opened it and out is what src sent; bytes are counted from the IP header on,
as the header states them. A flow ends when both sides sent FIN, by RST, when its ports are used for a new connection,
or after silence: 1 h for TCP (2 min while unanswered, 5 s after its end), 2 min for UDP (30 s unanswered), 30 s for
the rest.
A line is printed when its flow has ended, at the latest when the capture ends (end_reason open).

\b
Exit code 0 also for captures that are damaged inside: what is whole is read, the rest is counted on stderr;
2 when a file cannot be opened or is no capture (the others are still read); 1 when the lines cannot be written."""


@for_people
def flows(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="pcap or pcapng, also in .gz and .zip; - is stdin.")
    ],
    timeout: Annotated[
        float | None,
        typer.Option(min=0.001, metavar="SECONDS", help="Silence that ends any flow, instead of the above."),
    ] = None,
    join: Annotated[
        bool, typer.Option("--join", help="The files are one capture in this order: flows go on from file to file.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV with a header line, instead of JSON.")] = False,
) -> None:
    """Print the network flows of packet captures, one JSON object a line."""
    from jikimi.cli.flowing import Asked, print_flows

    raise typer.Exit(print_flows(Asked(files, timeout, join, as_csv)))
