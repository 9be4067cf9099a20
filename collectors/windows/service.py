"""The agent as a Windows service: `jikimi agent install`, or by hand `python -m collectors.windows.service install`.

It runs as LocalSystem, which may read the Security log. Windows starts it again when it ends by itself: after 30 s,
after a minute, then every five minutes.
"""

import asyncio
import sys
from pathlib import Path

import pywintypes
import servicemanager
import win32service
import win32serviceutil

from collectors import agent
from collectors.settings import StateDir, default_state_dir
from jikimi.errors import Misconfigured
from jikimi.logs import set_up_logs

NAME = "JikimiAgent"
DISPLAY = "Jikimi agent (지킴이)"
DESCRIPTION = "Watches files, removable media, connections and event logs for the company's monitoring centre."
NO_SUCH_SERVICE = 1060
"""ERROR_SERVICE_DOES_NOT_EXIST."""
RESTARTS = ((win32service.SC_ACTION_RESTART, 30_000), (win32service.SC_ACTION_RESTART, 60_000), (1, 300_000))


class AgentService(win32serviceutil.ServiceFramework):
    """What the service control manager talks to; it runs the agent in this thread."""

    _svc_name_ = NAME
    _svc_display_name_ = DISPLAY
    _svc_description_ = DESCRIPTION

    def __init__(self, words: list[str]) -> None:
        super().__init__(words)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._windows_ends = False

    def SvcStop(self) -> None:  # noqa: N802 - pywin32's name
        self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING, waitHint=10_000)
        self._loop.call_soon_threadsafe(self._stop.set)

    def SvcShutdown(self) -> None:  # noqa: N802 - pywin32's name
        self._windows_ends = True
        self.SvcStop()

    def SvcDoRun(self) -> None:  # noqa: N802 - pywin32's name
        """Ends with an error that Windows sees when the agent has to start anew, so that it is started anew."""
        set_up_logs(verbose=False)
        state = StateDir(Path(win32serviceutil.GetServiceCustomOption(NAME, "state", str(default_state_dir()))))
        self.ReportServiceStatus(win32service.SERVICE_RUNNING)
        try:
            anew = self._loop.run_until_complete(
                agent.run(state, stop=self._stop, computer_stops=lambda: self._windows_ends)
            )
        except Exception as error:  # the outermost place: whoever looks at the event log must find the reason
            servicemanager.LogErrorMsg(f"{NAME}: {error}")
            raise
        finally:
            self._loop.close()
        if anew:
            servicemanager.LogWarningMsg(f"{NAME} starts anew: {anew.why}")
            sys.exit(1)


def install(state: Path, program: str, words: str) -> None:
    """Register `program` to start with Windows. Raises Misconfigured."""
    try:
        _install(state, program, words)
    except pywintypes.error as error:
        raise _refused("installed", error) from error


def uninstall() -> None:
    """Stop and forget it, if it is there. Raises Misconfigured."""
    try:
        win32serviceutil.StopServiceWithDeps(NAME)
        win32serviceutil.RemoveService(NAME)
    except pywintypes.error as error:
        if error.winerror != NO_SUCH_SERVICE:
            raise _refused("removed", error) from error


def _refused(what: str, error: pywintypes.error) -> Misconfigured:
    return Misconfigured(f"the service {NAME} cannot be {what} ({error.strerror}); run this as administrator")


def _install(state: Path, program: str, words: str) -> None:
    win32serviceutil.InstallService(
        None,  # the program given below speaks to the service control manager itself
        NAME,
        DISPLAY,
        startType=win32service.SERVICE_AUTO_START,
        exeName=program,
        exeArgs=words,
        description=DESCRIPTION,
        delayedstart=True,
    )
    win32serviceutil.SetServiceCustomOption(NAME, "state", str(state))
    manager = win32service.OpenSCManager(None, None, win32service.SC_MANAGER_ALL_ACCESS)
    service = win32service.OpenService(manager, NAME, win32service.SERVICE_ALL_ACCESS)
    actions = {"ResetPeriod": 86_400, "RebootMsg": "", "Command": "", "Actions": RESTARTS}
    win32service.ChangeServiceConfig2(service, win32service.SERVICE_CONFIG_FAILURE_ACTIONS, actions)
    win32service.ChangeServiceConfig2(service, win32service.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, True)
    win32service.CloseServiceHandle(service)
    win32service.CloseServiceHandle(manager)
    win32serviceutil.StartService(NAME)


def dispatch() -> None:
    """What Windows starts: hand this process to the service control manager."""
    servicemanager.Initialize()
    servicemanager.PrepareToHostSingle(AgentService)
    servicemanager.StartServiceCtrlDispatcher()  # type: ignore[no-untyped-call]  # the stubs leave it out


if __name__ == "__main__":
    if len(sys.argv) > 1:
        win32serviceutil.HandleCommandLine(AgentService)
    else:
        dispatch()
