"""Clusters and repositories that benches/growth makes up: large ones in little time, valid for either program."""
import hashlib
import json
import os
import re
import shutil
import time

# A name of one file may have so many links; ext4 allows 65,000.
LINKS = 10000
MEGABYTE = 1 << 20


# Files of a cluster ------------------------------------------------------------------------------------------------------


def relations(data, megabytes, each=64):
    """Made-up relations: three quarters regular rows, one quarter hardly compressible; no holes."""
    directory = f"{data}/base/100000"
    shutil.rmtree(directory, ignore_errors=True)
    os.mkdir(directory, 0o700)
    regular = b"".join(b"%08d" % number + b" " * 84 + b"%04d" % (number % 100) for number in range(8192))[: 768 * 1024]
    noise = os.urandom(16 * MEGABYTE)
    for number in range(0, megabytes, each):
        with open(f"{directory}/{16384 + number // each}", "wb") as file:
            for part in range(min(each, megabytes - number)):
                # Every megabyte differs from the others.
                at = (number + part) * 4093 % (len(noise) - MEGABYTE)
                file.write(b"%08d" % (number + part) + regular[8:] + noise[at : at + MEGABYTE - len(regular)])


# Info files --------------------------------------------------------------------------------------------------------------


def stamped(text):
    """An info file with the checksum that belongs to it."""
    body = text[: text.rindex("[backrest]\nbackrest-checksum")]
    groups, entries = [], None
    for line in body.split("\n"):
        if line.startswith("[") and line.endswith("]"):
            entries = []
            groups.append((line[1:-1], entries))
        elif line:
            key, value = split(line)
            entries.append(f"{json.dumps(key, ensure_ascii=False)}:{value}")
    hashed = "{" + ",".join(f'"{section}":{{{",".join(found)}}}' for section, found in groups) + "}"
    return f'{body}[backrest]\nbackrest-checksum="{hashlib.sha1(hashed.encode()).hexdigest()}"\n'


def split(line):
    """Key and value: at the first `=` after which the rest is JSON."""
    at = -1
    while True:
        at = line.index("=", at + 1)
        try:
            json.loads(line[at + 1 :])
            return line[:at], line[at + 1 :]
        except ValueError:
            pass


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    like = os.stat(os.path.dirname(path))
    os.chown(path, like.st_uid, like.st_gid)
    os.chmod(path, 0o640)


def write_twice(path, text):
    write(path, text)
    write(f"{path}.copy", text)


def label(seconds, kind, full=""):
    name = time.strftime("%Y%m%d-%H%M%S", time.localtime(seconds)) + kind
    return f"{full}_{name}" if full else name


# Backups -----------------------------------------------------------------------------------------------------------------


def multiply(repository, count, chain=10, starts=None):
    """Makes `count` sets of a full backup and the incremental one after it: chains of one full and `chain` - 1 incremental sets, all older
    than the two, which go away. Bundles are shared by links. `starts` gives the WAL that the n-th set begins with."""
    top = f"{repository}/backup/main"
    info = read(f"{top}/backup.info")
    lines = dict(split(line) for line in info.split("\n") if re.match(r"\d{8}-\d{6}F", line))
    first = min(lines)
    later = max(lines)
    began = int(time.time()) - 10 * (count + 60)
    made, full = [], ""
    for number in range(count):
        at = began + 10 * number
        source = later if number % chain and later != first else first
        if source == first:
            full = name = label(at, "F")
        else:
            name = label(at, "I", full)
        made.append(name + "=" + clone(top, lines[source], source, name, (first, full), at, starts(number) if starts else None))
    for source in lines:
        shutil.rmtree(f"{top}/{source}")
    shutil.rmtree(f"{top}/backup.history", ignore_errors=True)
    if os.path.islink(f"{top}/latest"):
        os.remove(f"{top}/latest")
    kept = [line for line in info.split("\n") if not re.match(r"\d{8}-\d{6}F", line)]
    at = kept.index("[backup:current]") + 1
    write_twice(f"{top}/backup.info", stamped("\n".join(kept[:at] + made + kept[at:])))


def clone(top, entry, source, name, full, at, start):
    """One set under a new label; returns what backup.info says of it."""
    target = f"{top}/{name}"
    os.mkdir(target, 0o750)
    like = os.stat(f"{top}/{source}")
    os.chown(target, like.st_uid, like.st_gid)
    copy_by_links(f"{top}/{source}", target, ("backup.manifest", "backup.manifest.copy"))
    # Twice, because the label of the incremental set contains that of the full one.
    for_set = (lambda text: text.replace(source, name).replace(*full))
    manifest = for_set(read(f"{top}/{source}/backup.manifest"))
    manifest = re.sub(r"(?m)^(backup-timestamp-(?:copy-start|start|stop))=\d+$", rf"\1={at}", manifest)
    value = json.loads(for_set(entry))
    value.update({"backup-timestamp-start": at, "backup-timestamp-stop": at})
    if start:
        more = f'backup-archive-start="{start}"\nbackup-archive-stop="{start}"\n'
        manifest = re.sub(r"(?m)^backup-archive-st.*\n", "", manifest).replace("[backup]\n", f"[backup]\n{more}", 1)
        value.update({"backup-archive-start": start, "backup-archive-stop": start})
    write_twice(f"{target}/backup.manifest", stamped(manifest))
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def copy_by_links(source, target, without=()):
    for entry in os.scandir(source):
        if entry.name in without:
            continue
        if entry.is_dir(follow_symlinks=False):
            os.mkdir(f"{target}/{entry.name}", 0o750)
            like = entry.stat()
            os.chown(f"{target}/{entry.name}", like.st_uid, like.st_gid)
            copy_by_links(entry.path, f"{target}/{entry.name}")
        else:
            os.link(entry.path, f"{target}/{entry.name}")


# The archive -------------------------------------------------------------------------------------------------------------


def segment(number):
    return f"00000001{number >> 8:08X}{number & 0xFF:08X}"


def fill_archive(archive, count):
    """Segments 1 to `count`, all with the bytes of the one that is there."""
    found = [os.path.join(top, name) for top, _, names in os.walk(archive) for name in names if re.match("[0-9A-F]{24}-", name)]
    stored, ending = found[0], os.path.basename(found[0])[24:]
    like, source = os.stat(archive), f"{archive}.source"
    os.rename(stored, source)
    for number in range(1, count + 1):
        if number % LINKS == 1:
            shutil.copy2(source, f"{source}.1")
            os.replace(f"{source}.1", source)
            os.chown(source, like.st_uid, like.st_gid)
        name = segment(number)
        directory = f"{archive}/{name[:16]}"
        if not os.path.isdir(directory):
            os.mkdir(directory, 0o750)
            os.chown(directory, like.st_uid, like.st_gid)
        os.link(source, f"{directory}/{name}{ending}")
    os.remove(source)
