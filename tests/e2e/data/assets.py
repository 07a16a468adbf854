#!/usr/bin/python3
"""A batch over N assets, which prints progress lines and, last, its own truth as JSON.

    assets.py batch PORT N GROWTH EVERY     GROWTH: names added per asset, searched linearly
    assets.py serve DELAY_MS                prints its port; serves one request at a time
"""
import json
import socket
import sys
import threading
import time

albums = []


def match_albums(n, growth):
    for k in range(growth):
        name = f"{n:08d}-{k:04d}"
        if name not in albums:
            albums.append(name)


def fetch(server, n):
    server.sendall(b"%8d" % n)
    return server.recv(8, socket.MSG_WAITALL)


def classify(n):
    return sum(i * n for i in range(6000))


def batch(port, units, growth, every):
    server = socket.create_connection(("127.0.0.1", port))
    times, cpu = [], 0.0
    print("the first asset begins here", flush=True)
    began = last = time.monotonic()
    for n in range(1, units + 1):
        fetch(server, n)
        classify(n)
        c = time.thread_time()
        match_albums(n, growth)
        cpu += time.thread_time() - c
        if n % every == 0 or n == units:
            now = time.monotonic()
            times.append(now - last)
            last = now
            left = (now - began) / n * (units - n)
            print(f"[PERF] {n}/{units} ({100 * n / units:.1f}%) Avg: {(now - began) / n:.3f} s. "
                  f"Est. remaining: {left:.2f} s", flush=True)
    print(json.dumps({"units": units, "wall_s": time.monotonic() - began, "match_cpu_s": cpu,
                      "times_s": times}), flush=True)


def serve(delay_s):
    one = threading.Lock()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def client(s):
        while True:
            request = s.recv(8, socket.MSG_WAITALL)
            if not request:
                return
            with one:
                time.sleep(delay_s)
            s.sendall(request)

    while True:
        threading.Thread(target=client, args=(listener.accept()[0],), daemon=True).start()


if sys.argv[1] == "serve":
    serve(float(sys.argv[2]) / 1000)
else:
    batch(*(int(a) for a in sys.argv[2:]))
