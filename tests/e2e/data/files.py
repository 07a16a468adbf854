# SPDX-License-Identifier: GPL-2.0-or-later
"""files.py DIR - waits for files under names that change, in DIR, each read or written uncached.

Prints nothing.  DIR/plain is read, DIR/gone is read after it was deleted, DIR/old is read and, renamed to
DIR/new, read on by the same descriptor; DIR/mapped is touched page by page; DIR/synced is written and synced.
"""
import mmap
import os
import random
import sys

PAGES = 400


def fresh(path):
    """A descriptor of a file whose pages are on the disk and not in memory."""
    with open(path, "wb") as f:
        f.write(os.urandom(4096 * PAGES))
        f.flush()
        os.fsync(f.fileno())
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    return fd


def read(fd, pages):
    for page in pages:
        os.pread(fd, 4096, page * 4096)


where = sys.argv[1]
pages = list(range(PAGES))
random.Random(1).shuffle(pages)
half = PAGES // 2

read(fresh(os.path.join(where, "plain")), pages)

gone = fresh(os.path.join(where, "gone"))
os.unlink(os.path.join(where, "gone"))
read(gone, pages)

moved = fresh(os.path.join(where, "old"))
read(moved, pages[:half])
os.rename(os.path.join(where, "old"), os.path.join(where, "new"))
read(moved, pages[half:])

fd = fresh(os.path.join(where, "mapped"))
m = mmap.mmap(fd, 4096 * PAGES, mmap.MAP_PRIVATE, mmap.PROT_READ)
m.madvise(mmap.MADV_RANDOM)
total = 0
for page in pages:
    total += m[page * 4096]

with open(os.path.join(where, "synced"), "wb") as f:
    for _ in range(50):
        f.write(os.urandom(4096))
        f.flush()
        os.fsync(f.fileno())
