"""Run one command and say what it cost. Usage: ``python -I -S stopwatch.py COMMAND…``.

A process of its own, because Linux starts a child's peak memory at what the process that started it held: a
large one would hide what a small child needs. The child's standard output is passed over; the cost is printed
as one line of JSON. The time is that of the child and of every process that it waited for, while the peak is
that of the largest of them.
"""

import json
import os
import sys
import time

if __name__ == "__main__":
    begun = time.monotonic()
    pid = os.posix_spawnp(
        sys.argv[1],
        sys.argv[1:],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(pid, 0)
    print(
        json.dumps(
            {
                "status": os.waitstatus_to_exitcode(status),
                "cpu": usage.ru_utime + usage.ru_stime,
                "wall": time.monotonic() - begun,
                "peak": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            }
        )
    )
