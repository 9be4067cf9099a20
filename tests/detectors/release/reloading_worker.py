"""A worker that is told all the time to read its rules anew and to stage one of them, until a test kills it."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from tests.detectors.release.test_follow import NEW
from tests.detectors.release.watch import watch_in


async def main(folder: Path) -> None:
    async with watch_in(folder) as watch, watch.working():
        sys.stdout.write("working\n")
        sys.stdout.flush()
        reloads = 0
        done = asyncio.create_task(watch.done())
        while not done.done():
            watch.write({"new.yml": NEW.replace("A New Rule", f"New Rule {reloads}")})
            await watch.reload()
            await watch.stage("other", ("shadow", "draft", "live")[reloads % 3])
            reloads += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(done), 0.2)
        await done
    sys.stdout.write("done\n")


asyncio.run(main(Path(sys.argv[1])))
