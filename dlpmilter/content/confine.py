# SPDX-License-Identifier: Apache-2.0
"""Takes from a process all that a parser of documents does not need: files, network, other processes, memory.

Three layers: resource limits, a Landlock ruleset that allows nothing (where the kernel has it), and a seccomp
filter with a list of what is allowed. There is no way back: this never loosens a limit.
"""

from __future__ import annotations

import ctypes
import math
import os
import platform
import resource
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlpmilter.model.limits import Limits

try:
    import pyseccomp
except (ImportError, RuntimeError, OSError):  # RuntimeError: libseccomp2 is not installed
    pyseccomp = None

MAIL, ANSWER, NOTHING, WORK = range(4)
"""Descriptors of a confined child: it may read the first and write the second, which both come over the last."""

_ALLOWED = (
    "brk clock_getres clock_gettime clock_nanosleep close exit exit_group fcntl fstat futex getcpu getpid getrandom "
    "getrusage gettid gettimeofday lseek madvise membarrier mremap munmap nanosleep poll pread64 read readv "
    "restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield set_robust_list "
    "sigaltstack sysinfo time uname"
).split()
_DEADLY = (
    "bind bpf clone3 connect execve execveat fork io_uring_setup kexec_load mount open_by_handle_at pidfd_getfd "
    "process_vm_readv process_vm_writev ptrace setns socket socketpair unshare userfaultfd vfork"
).split()
"""No parser asks for these by mistake: the process ends, so that nobody gets a second try."""
_EPERM = 1
_LEAST_ROOM = 16 * 1024 * 1024
_PROT_WRITE_EXEC = 4
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38

_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # one number on all architectures (asm-generic since 5.13)
_VERSION = 1
_FILE_RIGHTS = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))  # Landlock ABI: rights it brought
_READING = (1 << 2) | (1 << 3)  # files, folders
_NET_ABI, _NET_RIGHTS = 4, 0b11
_SCOPE_ABI, _SCOPES = 6, 0b11


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


@dataclass(frozen=True, slots=True)
class Means:
    """What this system can confine with. `landlock` is the kernel's ABI, 0 without it."""

    seccomp: bool
    landlock: int


class Cell:
    """Prepared once in the warm process, then entered by each child."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        self._abi = _landlock_abi(self._libc)
        self._filter = _filter() if pyseccomp is not None and sys.platform == "linux" else None
        self.means = Means(self._filter is not None and _kernel_filters(), self._abi)

    def die_with_parent(self, parent: int) -> None:
        """From now on the kernel ends this process with its parent; at once when that is gone already."""
        if self._libc is not None:
            self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    def enter(self, limits: Limits) -> None:
        """Confine the calling process, before it has a mail.

        Raises OSError when a layer that is there refuses: then nothing is read.
        """
        size, resident = memory()
        if self._libc is not None:
            self._libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            self._libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        if self._libc is not None and self._abi:
            _restrict(self._libc, self._abi)
        limit_resources(limits, size, resident)
        if self._filter is not None and self.means.seccomp:
            self._filter.load()


def only_read_files() -> None:
    """From now on this process opens no file for writing and makes or removes none, where the kernel has Landlock.

    A descriptor for reading is not enough: its owner could open the same file anew by /proc/self/fd. Reading stays
    allowed, for Python loads codecs when it meets them. Raises OSError when Landlock is there and refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if libc is not None and (abi := _landlock_abi(libc)):
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _restrict(libc, abi, but=_READING)


def _landlock_abi(libc: ctypes.CDLL | None) -> int:
    if libc is None or platform.machine() not in ("x86_64", "aarch64"):
        return 0
    return max(0, int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)))


def _restrict(libc: ctypes.CDLL, abi: int, *, but: int = 0) -> None:
    """A ruleset that handles every right the kernel knows (`but` these) and allows none of them anywhere."""
    rights = sum(bits for since, bits in _FILE_RIGHTS if abi >= since) & ~but
    wanted = _Ruleset(rights, _NET_RIGHTS if abi >= _NET_ABI else 0, _SCOPES if abi >= _SCOPE_ABI else 0)
    size = 24 if abi >= _SCOPE_ABI else 16 if abi >= _NET_ABI else 8
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(wanted), ctypes.c_size_t(size), 0)
    if ruleset < 0 or libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "Landlock refused")
    os.close(ruleset)


def limit_resources(limits: Limits, size: int, taken: int) -> None:
    """Hard limits, counted from the address space and the memory that are taken already: there is no way back."""
    room = max(_LEAST_ROOM, limits.content_memory_octets - taken)
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime + limits.content_seconds) + 1
    for what, most in (
        (resource.RLIMIT_AS, size + room),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, WORK + 1),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (value, value))


def memory() -> tuple[int, int]:
    """Octets of address space and of memory in use."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - before every mail: no Path needed
            pages = file.read().split()
        page = os.sysconf("SC_PAGE_SIZE")
        return int(pages[0]) * page, int(pages[1]) * page
    except OSError:
        return 1024**3, 128 * 1024**2


def _kernel_filters() -> bool:
    """Whether the kernel takes filters: some containers forbid them. Tried in a child, which ends."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            trial = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
            trial.add_rule(pyseccomp.ERRNO(_EPERM), "ptrace")
            trial.load()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _filter() -> Any:
    """Default: refused with EPERM. What a broken-in parser would want ends the process."""
    arg = pyseccomp.Arg
    made = pyseccomp.SyscallFilter(pyseccomp.ERRNO(_EPERM))
    for name in _DEADLY:
        _rule(made, pyseccomp.KILL_PROCESS, name)
    for name in _ALLOWED:
        _rule(made, pyseccomp.ALLOW, name)
    for name in ("write", "writev"):
        made.add_rule(pyseccomp.ALLOW, name, arg(0, pyseccomp.EQ, ANSWER))
    made.add_rule(pyseccomp.ALLOW, "recvmsg", arg(0, pyseccomp.EQ, WORK))
    for name in ("mmap", "mprotect"):
        made.add_rule(pyseccomp.ALLOW, name, arg(2, pyseccomp.MASKED_EQ, _PROT_WRITE_EXEC, 0))
    _rule(made, pyseccomp.ALLOW, "newfstatat", arg(0, pyseccomp.LE, 2))  # fstat of newer C libraries
    _rule(made, pyseccomp.ALLOW, "prlimit64", arg(2, pyseccomp.EQ, 0))  # ask, never set
    return made


def _rule(made: Any, action: int, name: str, *arguments: Any) -> None:
    """A call that this architecture or library does not know needs no rule."""
    try:
        made.add_rule(action, name, *arguments)
    except (OSError, ValueError):
        if action == pyseccomp.KILL_PROCESS:
            return
