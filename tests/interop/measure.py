"""Runs a command and writes what it took: `python measure.py REPORT COMMAND...`.

A child's peak memory starts at that of the process that forks it, and pytest holds TensorFlow: so this small process
stands between.
"""

import json
import os
import subprocess
import sys
import time

if __name__ == "__main__":
    start = time.monotonic()
    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    with open(sys.argv[1], "w") as report:
        json.dump({"code": code, "peak_kib": usage.ru_maxrss, "seconds": time.monotonic() - start}, report)
    sys.exit(code if code >= 0 else 128 - code)
