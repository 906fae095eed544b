"""What the benches keep of each run: a line of a TSV file. And how a run is measured.

BENCH_ROWS names the file that lines are appended to, BENCH_CONDITIONS the key of a line in results/conditions.tsv. Without the first
nothing is kept.
"""
import collections
import ctypes
import os
import resource
import signal
import subprocess
import threading
import time

COLUMNS = "bench case setting program wall cpu peak size conditions".split()
# Names of sides in the benches, and of the programs in the rows.
PROGRAMS = {"ours": "pgkeep"}
SUBREAPER, SAMPLE_SECONDS, PAGE = 36, 0.02, os.sysconf("SC_PAGE_SIZE")

# Seconds, seconds, MB of the process tree, MB of the repository, and what a bench adds for itself; what was not measured is None.
Run = collections.namedtuple("Run", "wall cpu peak size more", defaults=(None,) * 5)


def append(bench, case, setting, program, run):
    path = os.environ.get("BENCH_ROWS")
    if not path:
        return
    figures = ["" if figure is None else f"{figure:.4f}".rstrip("0").rstrip(".") for figure in run[:4]]
    cells = [bench, case, setting, PROGRAMS.get(program, program), *figures, os.environ.get("BENCH_CONDITIONS", "")]
    with open(path, "a") as file:
        if file.tell() == 0:
            file.write("\t".join(COLUMNS) + "\n")
        file.write("\t".join(cells) + "\n")


def size_of(directory):
    """MB of the files below it."""
    total = 0
    for top, _, names in os.walk(directory):
        for name in names:
            total += os.lstat(os.path.join(top, name)).st_size
    return total / 1e6


def tree(pid):
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children") as file:
                    left += map(int, file.read().split())
        except OSError:
            pass  # it has ended
    return found


def memory_of(pids):
    """MB of processes together; what they share (the program, its libraries) counts once."""
    own = shared = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm") as file:
                _, resident, common = map(int, file.read().split()[:3])
        except (OSError, ValueError):
            continue
        own += resident - common
        shared = max(shared, common)
    return (own + shared) * PAGE / 1e6


def highest(pids):
    """MB that the largest one has had so far."""
    most = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status") as file:
                most = max(most, next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), 0))
        except OSError:
            pass
    return most * 1024 / 1e6


def measure(arguments, limit=None, detached=False, **how):
    """Runs a command: (exit code, Run), or (None, None) if it was given up after `limit` seconds. CPU and memory are those of the tree
    of processes; `detached`: those that go on when the command has ended are waited for, and their CPU counts."""
    if detached:
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    ended, peak, gave_up = threading.Event(), [0.0], []
    began = time.monotonic()
    process = subprocess.Popen(arguments, start_new_session=True, **how)

    def watch():
        pause = 0.001
        while not ended.wait(pause):
            pids = tree(process.pid)
            peak[0] = max(peak[0], memory_of(pids), highest(pids))
            # Often at first: many commands are short.
            pause = min(pause * 1.3, SAMPLE_SECONDS)
            if limit and time.monotonic() - began > limit and not gave_up:
                gave_up.append(True)
                os.killpg(process.pid, signal.SIGKILL)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        wall = time.monotonic() - began
        ended.set()
        watching.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = used.ru_utime + used.ru_stime
    while detached:
        try:
            _, _, more = os.wait3(0)
        except ChildProcessError:
            break
        cpu += more.ru_utime + more.ru_stime
    if gave_up:
        return None, None
    # The kernel's own figure of the largest process is exact, but no smaller than what this process had when it made the other one.
    if used.ru_maxrss > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
        peak[0] = max(peak[0], used.ru_maxrss * 1024 / 1e6)
    return process.returncode, Run(wall, cpu, peak[0] or None)
