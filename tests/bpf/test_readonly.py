#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_readonly.py - what is traced is only ever read.

The program imports nothing that writes to another process, no BPF program calls a
helper that changes one, and files are opened for writing in one place: the
recording.  One thing asks, by one signal and one file, and only with --jvm-perfmap: what
speaks to a Java VM over its attach socket.  WT_BUILD names the build directory (default build).
"""
import glob
import os
import re
import struct
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
BUILD = os.environ.get("WT_BUILD", os.path.join(ROOT, "build"))
IMPORTS = {"ptrace", "process_vm_writev", "pidfd_getfd", "pidfd_send_signal", "tgkill", "sigqueue"}
# linux/bpf.h, enum bpf_func_id
HELPERS = {36: "bpf_probe_write_user", 58: "bpf_override_return", 109: "bpf_send_signal",
           117: "bpf_send_signal_thread"}
WRITERS = {"user/sinks/recfile.c": r"O_WRONLY \| O_CREAT \| O_EXCL",
           "user/runtime/jvm_attach.c": r"v->tmp_fd, name, O_WRONLY \| O_CREAT \| O_EXCL \| O_NOFOLLOW"}
# one signal: to the command that we started
SIGNALS = {"user/target/launch.c"}
ASKS = {"user/runtime/jvm_attach.c": r"SYS_pidfd_send_signal, v->pidfd, SIGQUIT,"}
CALL, LD_IMM64 = 0x85, 0x18
SHF_EXECINSTR = 4


def imports():
    out = subprocess.run(["nm", "-D", os.path.join(BUILD, "worktrace")], capture_output=True,
                         text=True, check=True).stdout
    names = {line.split()[-1].split("@")[0] for line in out.splitlines()}
    assert "process_vm_readv" in names, "nm does not show what worktrace imports"
    return [f"worktrace imports {n}" for n in sorted(names & IMPORTS)]


def helpers():
    """Helpers that the linked BPF object calls, by number."""
    with open(os.path.join(BUILD, "worktrace.bpf.o"), "rb") as f:
        elf = f.read()
    shoff, = struct.unpack_from("<Q", elf, 40)
    size, count = struct.unpack_from("<HH", elf, 58)
    called = set()
    for i in range(count):
        flags, _, off, length = struct.unpack_from("<QQQQ", elf, shoff + i * size + 8)
        if not flags & SHF_EXECINSTR:
            continue
        at = off
        while at < off + length:
            op, regs, _, imm = struct.unpack_from("<BBhi", elf, at)
            if op == CALL and regs >> 4 == 0:
                called.add(imm)
            at += 16 if op == LD_IMM64 else 8
    # bpf_probe_read_user: were it missing, this would not look at the right bytes
    assert 112 in called, f"no calls found in the BPF object: {sorted(called)}"
    return [f"a BPF program calls {HELPERS[n]}" for n in sorted(called & set(HELPERS))]


def sources():
    wrong = []
    for path in glob.glob(os.path.join(ROOT, "user/**/*.c"), recursive=True):
        name = os.path.relpath(path, ROOT)
        with open(path) as f:
            text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
        for line in re.findall(r".*(?:O_WRONLY|O_RDWR|\bcreat\(|fopen\([^)]*\"(?:[wa]|r\+)).*", text):
            if not re.search(WRITERS.get(name, "(?!)"), line):
                wrong.append(f"{name} opens something for writing: {line.strip()}")
        if re.search(r"(?<!\w)(?:kill|killpg)\(", text) and name not in SIGNALS:
            wrong.append(f"{name} sends signals")
        for line in re.findall(r".*SYS_(?:pidfd_send_signal|kill|tkill|tgkill|ptrace|process_vm_writev).*", text):
            if not re.search(ASKS.get(name, "(?!)"), line):
                wrong.append(f"{name} sends signals: {line.strip()}")
        # and nobody but for that option
        if "jvm_attach__perfmap(" in text and name not in ("user/runtime/jvm_attach.c", "user/runtime/jvm_perfmap.c"):
            wrong.append(f"{name} asks Java VMs")
    return wrong


wrong = imports() + helpers() + sources()
print("\n".join(wrong) or "nothing but reads")
sys.exit(1 if wrong else 0)
