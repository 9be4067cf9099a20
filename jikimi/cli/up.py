"""`jikimi up`: start the whole centre on this machine."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from jikimi.cli.errors import for_people
from jikimi.cli.options import DataOption, RulesOption, data_dir, rule_folders
from jikimi.cli.signals import stop_on_signals


@for_people
def up(
    data: DataOption = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the console and of ingest; 0 takes a free one.")
    ] = 8600,
    host: Annotated[
        str, typer.Option(help="Address to listen on; put a TLS proxy in front of any but loopback.")
    ] = "127.0.0.1",
    rules: RulesOption = None,
    kafka: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Use Apache Kafka as the event log.")] = None,
    private_websites: Annotated[
        bool, typer.Option("--private-websites", help="Also watch web sites inside this network (intranet, trials).")
    ] = False,
    bundle: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Signed rule bundle to install, unless it is installed already.")
    ] = None,
    trusted_keys: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of public keys (*.pub) of rule bundles.  [default: DATA/trusted-keys]"
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every log line.")] = False,
) -> None:
    """Start the whole centre: ingest, detectors, archive, alerting and the console. Ctrl-C stops it cleanly.

    Everything is kept under --data; a second start goes on from where it was.

    Examples:

        jikimi up --data /srv/jikimi --port 8600

        jikimi up --rules ./sigma/rules --kafka 192.0.2.10:9092

        jikimi up --bundle rules-7.jikimi --trusted-keys /etc/jikimi/trusted-keys
    """
    from jikimi.cli.centre import CentreOptions, running_centre
    from jikimi.logs import set_up_logs

    set_up_logs(verbose=verbose)
    options = CentreOptions(
        data_dir(data),
        rule_folders(rules),
        host,
        port,
        kafka,
        private_websites=private_websites,
        bundle=bundle,
        trusted_keys=trusted_keys,
        tell=typer.echo,
    )

    async def serve() -> None:
        stop = stop_on_signals()
        async with running_centre(options) as centre:
            typer.echo(f"지킴이 관제센터 / monitoring centre: {centre.address}")
            if centre.first_password:
                typer.echo(f"첫 계정 / first account: admin  {centre.first_password}   (한 번만 보입니다 / shown once)")
            typer.echo("멈추려면 Ctrl-C / Ctrl-C to stop")
            await stop.wait()
            typer.echo("멈추는 중입니다 / stopping …")
        typer.echo("모두 저장하고 멈췄습니다 / stopped, everything is stored")

    asyncio.run(serve())
