"""seccomp: system calls that the process gives up: the network, other programs and processes, the kernel's inside."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

# Names, and their numbers on x86-64 and on aarch64; `-` is not there.
_REFUSED = """
socket 41 198, socketpair 53 199, connect 42 203, bind 49 200, listen 50 201, accept 43 202, accept4 288 242,
sendto 44 206, sendmsg 46 211, sendmmsg 307 269,
execve 59 221, execveat 322 281, fork 57 -, vfork 58 -,
kill 62 129, tkill 200 130, pidfd_open 434 434, pidfd_getfd 438 438, pidfd_send_signal 424 424,
ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, kcmp 312 272,
mount 165 40, umount2 166 39, pivot_root 155 41, chroot 161 51, move_mount 429 429, open_tree 428 428, fsopen 430 430,
unshare 272 97, setns 308 268, open_by_handle_at 304 265, bpf 321 280, perf_event_open 298 241, userfaultfd 323 282,
add_key 248 217, request_key 249 218, keyctl 250 219,
io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427,
init_module 175 105, finit_module 313 273, delete_module 176 106, kexec_load 246 104, reboot 169 142,
swapon 167 224, swapoff 168 225, settimeofday 164 170
"""
_CLONE, _CLONE3 = (56, 220), (435, 435)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_THREAD = 0x00010000  # of the flags of clone: a thread of this process, no process of its own
_X32 = 0x40000000  # the numbers of a second set of calls on x86-64 begin here

_LOAD, _EQUAL, _AT_LEAST, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # places in what a filter is given
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER, _GET_SECCOMP = 38, 22, 2, 21  # of prctl


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def is_there() -> bool:
    """Whether the kernel filters system calls, and we know their numbers."""
    return (
        platform.machine() in _ARCHITECTURES and ctypes.CDLL(None, use_errno=True).prctl(_GET_SECCOMP, 0, 0, 0, 0) >= 0
    )


def restrict() -> None:
    """Gives up for good what the table has, and to make processes; threads remain.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    code = _filter(*_ARCHITECTURES[platform.machine()])
    program = _Program(len(code) // 8, code)
    if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


def _filter(column: int, architecture: int) -> bytes:
    """The filter, an instruction in 8 bytes: operation, steps to go on where it holds and where not, a value."""
    refuse = _ERROR | errno.EPERM
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, refuse),
    ]
    for row in _REFUSED.split(","):
        number = row.split()[1 + column]
        if number != "-":
            code += [(_EQUAL, 0, 1, int(number)), (_RETURN, 0, 0, refuse)]
    code += [
        (_EQUAL, 0, 1, _CLONE3[column]),  # its flags lie in memory, which a filter cannot read: libc takes clone
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
        (_EQUAL, 0, 3, _CLONE[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_BITS, 1, 0, _THREAD),
        (_RETURN, 0, 0, refuse),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("<HBBI", *each) for each in code)
