"""Empty directories for timed work, as on a disk on which nothing was removed lately.

ext4 without a journal gives a new file no number of one that was removed in the last minute (the last six, if that is not on the disk
yet), and looks at each of those numbers again for each new file: fs/ext4/ialloc.c, recently_deleted. In the place of 20,000 files that
were removed, 20,000 new ones took 18 s, elsewhere 0.8 s. So a bench that clears up between its runs measures that, in either program, and
more from run to run.
"""
import fcntl
import os
import shutil
import struct
import tempfile

GET_FLAGS, SET_FLAGS, TOP = 0x80086601, 0x40086602, 0x00020000


def spread(directory):
    """From now on ext4 spreads directories that are made here over the disk, by their names (chattr +T). Others have no such flag."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        flags = struct.unpack("i", fcntl.ioctl(opened, GET_FLAGS, struct.pack("i", 0))[:4])[0]
        fcntl.ioctl(opened, SET_FLAGS, struct.pack("i", flags | TOP))
    except OSError:
        pass
    finally:
        os.close(opened)


def empty(path, mode=0o750):
    """Makes it anew, in another part of the disk than before. It belongs to the owner of its parent."""
    shutil.rmtree(path, ignore_errors=True)
    parent, name = os.path.split(path)
    spread(parent)
    made = tempfile.mkdtemp(prefix=f"{name}.", dir=parent)
    if os.geteuid() == 0:
        like = os.stat(parent)
        os.chown(made, like.st_uid, like.st_gid)
    os.chmod(made, mode)
    os.rename(made, path)
    return path
