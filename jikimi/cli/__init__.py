"""`jikimi`: the one composition root that knows all rooms.

One command a module; rooms are imported inside commands, so that an agent's install needs no centre.
"""

import typer

from jikimi.cli import admin, agent, bench, demo, detect, flows, replay, rules, status, up

app = typer.Typer(
    name="jikimi",
    help="지킴이: open security monitoring for small companies.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("status")(status.status)
app.command("replay")(replay.replay)
app.command("detect", epilog=detect.EPILOG)(detect.detect)
app.command("flows", epilog=flows.EPILOG)(flows.flows)
app.command("demo")(demo.demo)
app.add_typer(admin.app, name="admin")
app.add_typer(agent.app, name="agent")
app.add_typer(bench.app, name="bench")
app.add_typer(rules.app, name="rules")
