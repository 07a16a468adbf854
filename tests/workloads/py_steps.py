# SPDX-License-Identifier: GPL-2.0-or-later
"""py_steps ROUNDS [FUNCTION...] - enters and leaves the evaluation loop in every way there
is, between two SIGSTOPs of its own (wl_step): for CPython 3.8 and later.

First it does so ROUNDS times: what ran before is specialised.
"""
import os
import signal
import sys
import time


def leaf(x):
    return -x


def inline():
    leaf(1)


def by_c():
    list(map(leaf, (1, 2)))


def by_sort():
    sorted((1, 2), key=leaf)


def numbers():
    yield 1
    yield 2


def delegating():
    yield from numbers()


def iterate():
    for _ in numbers():
        pass


def iterate_c():
    sum(delegating())


def patient():
    while True:
        try:
            yield 1
        except ValueError:
            pass


def throw():
    g = patient()
    next(g)
    g.throw(ValueError)
    g.close()


def fails(x):
    raise ValueError


def handle():
    try:
        fails(1)
    except ValueError:
        pass
    try:
        list(map(fails, (1,)))
    except ValueError:
        pass


class Thing:
    def __init__(self):
        self.x = 1

    def __lt__(self, other):
        return leaf(1) < 0

    @property
    def prop(self):
        return leaf(self.x)


def things():
    a = Thing()
    a.prop
    a < a


async def ready():
    return leaf(1)


async def waits():
    await ready()


def coroutine():
    try:
        waits().send(None)
    except StopIteration:
        pass


def keywords(a, *args, b=2, **kw):
    return leaf(a)


def call_keywords():
    keywords(1, 2, b=3, c=4)
    keywords(*(1, 2), **{"d": 1})


ALL = ("inline", "by_c", "by_sort", "iterate", "iterate_c", "throw", "handle", "things",
       "coroutine", "call_keywords")


def main():
    todo = [globals()[name] for name in sys.argv[2:] or ALL]
    for _ in range(int(sys.argv[1])):
        for f in todo:
            f()
    time.sleep(0.3)		# the kernel side learns of us meanwhile
    os.kill(os.getpid(), signal.SIGSTOP)
    for f in todo:
        f()
    os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    main()
