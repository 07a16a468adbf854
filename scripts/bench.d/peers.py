# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the tools are: on PATH, or in another root that is entered by chroot.

Everything is mounted in a mount namespace of our own, so nothing is left behind
however the benchmark ends."""

import os
import shutil
import subprocess
import sys

from procs import BenchError

MARK = "WORKTRACE_BENCH_NS"
INSIDE = "/mnt"         # where a root sees the directory of this run
TRACEFS = "/sys/kernel/tracing"


def enter_namespace():
    """Starts this program again in a private mount namespace, once."""
    if os.environ.get(MARK) == str(os.getpid()):
        return
    os.environ[MARK] = str(os.getpid())
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private",
                          sys.executable] + sys.argv)


def _mount(*args):
    run = subprocess.run(["mount", *args], capture_output=True, text=True)
    if run.returncode:
        raise BenchError("mount %s: %s" % (" ".join(args), run.stderr.strip()))


class Peers:
    """Finds programs and builds the commands that run them."""

    def __init__(self, root, workdir):
        self.root = os.path.abspath(root) if root else None
        self.workdir = workdir
        if not os.path.exists(TRACEFS + "/events"):
            _mount("-t", "tracefs", "tracefs", TRACEFS)
        if not self.root:
            return
        for d in ("proc", "sys", "dev", INSIDE.strip("/")):
            if not os.path.isdir(os.path.join(self.root, d)):
                raise BenchError("%s is no root of a system: it has no /%s" % (self.root, d))
        for d in ("/proc", "/sys", "/dev"):
            _mount("--rbind", d, self.root + d)
        _mount("--bind", workdir, self.root + INSIDE)

    def find(self, *names):
        """A way to run the first of names that exists, or None: the root goes first."""
        for name in names if self.root else ():
            for d in ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin"):
                if os.access(self.root + d + "/" + name, os.X_OK):
                    return Program(["chroot", self.root, d + "/" + name],
                                   lambda p: p.replace(self.workdir, INSIDE, 1))
        for name in names:
            path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
            if path:
                return Program([path], lambda p: p)
        return None


class Program:
    def __init__(self, argv, path):
        self.argv = argv
        self.path = path        # our name of a file in the work directory -> its name there

    def version(self):
        """First line of `--version`, or None."""
        try:
            run = subprocess.run(self.argv + ["--version"], capture_output=True,
                                 text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return None
        lines = (run.stdout + run.stderr).strip().splitlines()
        return lines[0] if lines and run.returncode == 0 else None
