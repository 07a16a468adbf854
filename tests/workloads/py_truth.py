# SPDX-License-Identifier: GPL-2.0-or-later
"""py_truth - a program that knows where it is: for CPython 3.8 and later.

    py_truth.py naps     sleeps in every kind of frame; prints the Python frames it slept in
    py_truth.py cpu      burns CPU in functions; prints how much in each
    py_truth.py deep     sleeps 500 calls deep
    py_truth.py gil      two threads that want the GIL all the time
    py_truth.py threads  threads that block; prints what sys._current_frames says

The truth goes to standard output as JSON.  A frame is "function (file.py:line)",
outermost first; function is the qualified name from 3.11 on.
"""
import asyncio
import ctypes
import functools
import json
import os
import queue
import socket
import sys
import threading
import time

NAP_S = 0.06
TRUTH = []


def frames(f):
    chain = []
    while f:
        code = f.f_code
        name = getattr(code, "co_qualname", code.co_name)
        chain.append(f"{name} ({os.path.basename(code.co_filename)}:{f.f_lineno})")
        f = f.f_back
    return chain[::-1]


def note(what):
    TRUTH.append({"what": what, "frames": frames(sys._getframe(1))})


# ---- naps: note() and the sleep stand on one line, so the line is the same --------

def nap(what):
    note(what); time.sleep(NAP_S)


def plain():
    nap("plain")


def many_lines():
    return sum([
        1,
        len(str(
            nap(
                "many lines"))),
        3,
    ])


def generator():
    yield 1
    yield nap("generator")


def delegating():
    yield from generator()


class Thing:
    def method(self):
        nap("method")

    @property
    def prop(self):
        return nap("property")

    @staticmethod
    def static():
        return (lambda: nap("lambda"))()

    def __lt__(self, other):
        nap("comparison")
        return False

    def __del__(self):
        nap("destructor")


class Made:
    """From 3.12 on a call that was seen to make one goes through a frame of the interpreter's own."""
    def __init__(self, last):
        if last:
            nap("constructor")


def constructor():
    for n in range(40):
        Made(n == 39)


def decorated(f):
    @functools.wraps(f)
    def wrapper(*a):
        return f(*a)
    return wrapper


@decorated
@decorated
def deco():
    nap("decorated")


def in_handler():
    try:
        raise ValueError
    except ValueError:
        nap("exception handler")
    finally:
        nap("finally")


def with_key(x):
    nap("sorted key")
    return x


def sort_key():
    sorted([1], key=with_key)


def compare(a, b):
    if compare.left:
        compare.left -= 1
        nap("C callback")
    return a[0] - b[0]


def c_callback():
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    libc = ctypes.CDLL(None)
    libc.qsort.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, kind]
    libc.qsort.restype = None
    compare.left = 4
    libc.qsort((ctypes.c_int * 8)(*range(8)), 8, 4, kind(compare))


def reduced(a, b):
    nap("reduce")
    return b


async def inner():
    await asyncio.sleep(0)
    nap("coroutine")


async def outer():
    await inner()


async def produce():
    yield 1
    nap("async generator")
    yield 2


async def consume():
    async for _ in produce():
        pass


async def gather():
    await asyncio.gather(outer(), consume())


def naïve_Ω():
    nap("name")


def naps():
    plain()
    many_lines()
    list(delegating())
    [nap("comprehension") for _ in range(1)]
    Thing().method()
    Thing().prop
    Thing.static()
    sorted([Thing(), Thing()])
    constructor()
    deco()
    in_handler()
    sort_key()
    c_callback()
    functools.reduce(reduced, [1, 2])
    list(map(nap, ["map"]))
    exec(compile("def made():\n    nap('made')\n\n\nmade()", "/tmp/x;y/<made>.py", "exec"),
         {"nap": nap})
    asyncio.run(gather())
    naïve_Ω()
    t = threading.Thread(target=nap, args=("thread",))
    t.start()
    t.join()
    return {"naps": TRUTH, "nap_s": NAP_S}


# ---- cpu ------------------------------------------------------------------------

def alpha():
    s = 0
    for i in range(3000):
        s += i * i
    return s


def beta():
    s = 1
    for i in range(3000):
        s ^= s << 1 & 0xffff
    return s


def leaf(x):
    return x


def calls():
    for i in range(300):
        leaf(i)


def key(x):
    return -leaf(x)


def sorting():
    sorted(range(300), key=key)


def stepping():
    for _ in counting(300):
        pass


def counting(n):
    for i in range(n):
        yield i


def spend(f, seconds):
    begin = time.thread_time()
    while time.thread_time() - begin < seconds:
        f()
    return time.thread_time() - begin


def cpu(total):
    time.sleep(0.3)		# the kernel side learns of us meanwhile
    shares = {"alpha": 0.4, "beta": 0.2, "calls": 0.15, "sorting": 0.15, "stepping": 0.1}
    return {"cpu_s": {f: spend(globals()[f], s * total) for f, s in shares.items()}}


# ---- deep -----------------------------------------------------------------------

def down(n):
    if n:
        down(n - 1)
    else:
        note("deep"); time.sleep(NAP_S * 4)


def deep():
    down(500)
    return {"naps": TRUTH, "nap_s": NAP_S * 4}


# ---- threads ----------------------------------------------------------------------

def grind(end):
    while time.monotonic() < end:
        sum(range(200))


def chew(end):
    while time.monotonic() < end:
        for _ in range(1000):
            pass


def gil(seconds):
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=f, args=(end,)) for f in (grind, chew)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return {"seconds": seconds}


def waits_lock(lock):
    with lock:
        pass


def waits_read(fd):
    os.read(fd, 1)


def waits_recv(s):
    (lambda: s.recv(
        1))()


def waits_queue(q):
    [x for x in (q.get() for _ in range(1))]


def waits_event(e):
    e.wait(30)


def threads(seconds):
    lock = threading.Lock()
    lock.acquire()
    r, w = os.pipe()
    a, b = socket.socketpair()
    q, e = queue.Queue(), threading.Event()
    ts = [threading.Thread(target=f, args=(x,)) for f, x in
          ((waits_lock, lock), (waits_read, r), (waits_recv, a), (waits_queue, q),
           (waits_event, e), (time.sleep, seconds + 0.3))]
    for t in ts:
        t.start()
    time.sleep(0.3)
    current = sys._current_frames()
    truth = [{"what": t._target.__name__, "frames": frames(current[t.ident])} for t in ts]
    del current
    time.sleep(seconds)
    lock.release()
    os.write(w, b"x")
    b.send(b"x")
    q.put(1)
    e.set()
    for t in ts:
        t.join()
    return {"naps": truth, "nap_s": seconds}


if __name__ == "__main__":
    phase, *rest = sys.argv[1:]
    truth = globals()[phase](*map(float, rest))
    truth["version"] = list(sys.version_info[:3])
    print(json.dumps(truth))
