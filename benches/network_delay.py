#!/usr/bin/env python3
"""network_delay.py NAMESPACE ROUND_TRIP_MS [MBIT]: a network with delay between this network namespace and another one.

For kernels without netem. Two tun devices (pgkb0 here, 10.213.9.1; pgkb1 there, 10.213.9.2), joined by this process, which
delays every packet by half the round trip each way. TCP runs end to end, so windows grow and acknowledgements pace as on a
real network. MBIT bounds what each direction carries in a second; what has to wait longer than 0.1 s for its turn is dropped, as a router does.
Segmentation offload is passed through. Writing ROUND_TRIP_MS to standard input changes the round trip. The end
of standard input ends the program. It prints READY when the network is up.
"""
import collections
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, TUNSETOFFLOAD, TUNSETVNETHDRSZ = 0x400454CA, 0x400454D0, 0x400454D8
TUN_NO_PI_VNET_HDR = 0x0001 | 0x1000 | 0x4000
OFFLOAD_CHECKSUM_TSO4 = 0x01 | 0x02
# A longer queue than any window: nothing is lost.
QUEUE_BYTES = 256 << 20
# What waits longer for a line with a bound is dropped, in seconds.
LONGEST_TURN = 0.1


def device(name, address):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), TUN_NO_PI_VNET_HDR))
    fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", 10))
    fcntl.ioctl(fd, TUNSETOFFLOAD, OFFLOAD_CHECKSUM_TSO4)
    subprocess.run(["ip", "addr", "add", address, "dev", name], check=True)
    subprocess.run(["ip", "link", "set", name, "mtu", "1500", "txqueuelen", "10000", "up"], check=True)
    # The usual congestion control, whatever this machine's default is.
    peer = "10.213.9.2" if name == "pgkb0" else "10.213.9.1"
    subprocess.run(["ip", "route", "replace", peer, "dev", name, "congctl", "cubic"], check=True)
    return fd


def main():
    namespace, delay = sys.argv[1], float(sys.argv[2]) / 2000
    rate = float(sys.argv[3]) * 1e6 / 8 if len(sys.argv) > 3 else 0
    here = device("pgkb0", "10.213.9.1/30")
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    there = device("pgkb1", "10.213.9.2/30")
    print("READY", flush=True)
    other = {here: there, there: here}
    queues = {here: collections.deque(), there: collections.deque()}
    queued = {here: 0, there: 0}
    # When the line of each direction is free again.
    free = {here: 0.0, there: 0.0}
    while True:
        wait = None
        now = time.monotonic()
        for source, queue in queues.items():
            while queue and queue[0][0] <= now:
                packet = queue.popleft()[1]
                queued[source] -= len(packet)
                try:
                    os.write(other[source], packet)
                except OSError:
                    pass  # refused by the kernel: lost, as on any network
            if queue:
                left = queue[0][0] - now
                wait = left if wait is None else min(wait, left)
        for source in select.select([here, there, 0], [], [], wait)[0]:
            if source == 0:
                said = os.read(0, 100).split()
                if not said:
                    return
                delay = float(said[-1]) / 2000
                continue
            for _ in range(64):
                try:
                    packet = os.read(source, 70000)
                except BlockingIOError:
                    break
                sent = now = time.monotonic()
                if rate:
                    turn = max(now, free[source])
                    if turn - now > LONGEST_TURN:
                        continue
                    sent = free[source] = turn + len(packet) / rate
                if queued[source] + len(packet) <= QUEUE_BYTES:
                    queued[source] += len(packet)
                    queues[source].append((sent + delay, packet))


main()
