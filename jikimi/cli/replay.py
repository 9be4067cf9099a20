"""`jikimi replay`: real telemetry through the same ingest as an enrolled device's."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from jikimi.cli.errors import for_people
from jikimi.cli.options import DataOption, LogSourceOption, data_dir, stated_logsource


@for_people
def replay(
    files: Annotated[
        list[Path], typer.Argument(help="Event files: .evtx, JSON, XML, .pcap, logs; also in .zip and .gz")
    ],
    data: DataOption = None,
    url: Annotated[str | None, typer.Option(help="Address of another centre; needs --token.")] = None,
    token: Annotated[str | None, typer.Option(help="Enrolment token of that centre.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Client company; may be left out when there is one.")] = None,
    device: Annotated[str | None, typer.Option(help="Name of the replaying device. Default: HOST-replay.")] = None,
    speed: Annotated[float | None, typer.Option(help="N times real time by event time. Default: at once.")] = None,
    logsource: LogSourceOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Also until the detectors have seen everything.")] = False,
) -> None:
    """Feed FILES to the centre as an enrolled device: at full speed, or --speed N times real time.

    Replaying a file again is new telemetry: its events count again. Exit 0 when everything was acknowledged, 2 for
    wrong input, 1 when the centre cannot be reached or refuses, 130 after Ctrl-C.
    """
    from collectors.files import input_files
    from jikimi.cli.replaying import Replay, deliver
    from jikimi.logs import set_up_logs

    asked = Replay(
        input_files(files), data_dir(data), url, token, tenant, device, speed, stated_logsource(logsource), wait
    )
    asked.check(data_named=data is not None)
    set_up_logs(verbose=False)
    raise typer.Exit(asyncio.run(deliver(asked)))
