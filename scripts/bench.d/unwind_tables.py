# SPDX-License-Identifier: GPL-2.0-or-later
"""What compiling unwind tables costs: build/tests/bench/bench_cfi over system files."""

import glob
import json
import os

from procs import capture

# name, where it is looked for, the most CPU time it may take (ms; None: no aim)
FILES = [
    ("libc", "/lib/*-linux-gnu/libc.so.6", 50),
    ("libavcodec", "/usr/lib/*-linux-gnu/libavcodec.so.[0-9]*", 100),
    ("libjvm", "/usr/lib/jvm/*/lib/server/libjvm.so", 300),
    ("libx264", "/usr/lib/*-linux-gnu/libx264.so.[0-9]*", None),
    ("libpython", "/usr/lib/*-linux-gnu/libpython3*.so.1.0", None),
    ("python", "/usr/bin/python3.[0-9]*[0-9]", None),
    ("cc1", "/usr/lib/gcc/*-linux-gnu/*/cc1", None),
    ("node", "/usr/bin/node", None),
]
ROW_BYTES = 16      # a row, with its share of the rules, at most


def measure(build):
    """[{name, file, cpu_ns, rows, rules, bytes, aim_ms}]; what is not installed is left out."""
    program = os.path.join(build, "tests/bench/bench_cfi")
    if not os.access(program, os.X_OK):
        return []
    found = []
    for name, pattern, aim_ms in FILES:
        paths = sorted({os.path.realpath(p) for p in glob.glob(pattern)})
        if paths:
            row = json.loads(capture([program, paths[0]]))
            found.append(dict(row, name=name, aim_ms=aim_ms))
    return found


def verdict(row):
    if row["aim_ms"] is None:
        return ""
    return "%s (aim: below %d ms)" % ("met" if row["cpu_ns"] < row["aim_ms"] * 1e6 else "not met",
                                      row["aim_ms"])


def rows_of_table(found):
    return [[r["name"], r["rows"], r["rules"], "%.1f" % (r["bytes"] / max(r["rows"], 1)),
             "%.1f" % (r["cpu_ns"] / 1e6), verdict(r)] for r in found]


HEAD = ["<object", "rows", "rules", "bytes/row", "ms", "<"]
