"""Where commands find `set_up_logs`; the agent's own program has it without the commands."""

from jikimi.logs import set_up_logs

__all__ = ["set_up_logs"]
