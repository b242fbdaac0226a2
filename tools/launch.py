"""Becomes another program that ends when its parent does and, where asked, does not run as root.

    python -I -S tools/launch.py [--death-signal NAME] [--not-root DATA_DIR] -- PROGRAM ARGUMENT...

PostgreSQL refuses to run as root. A user namespace in which this process is somebody else needs no change of file
owners; where namespaces are forbidden the data folder is given to `nobody`. Standard library only.
"""

import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION_3 = 0x20080522
UNPRIVILEGED_ID = 1000

libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent(signal_name: str, parent: int) -> None:
    """Ask the kernel to send us `signal_name` when our parent dies, however it dies."""
    libc.prctl(PR_SET_PDEATHSIG, signal.Signals[f"SIG{signal_name}"].value, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(f"The parent {parent} ended before {sys.argv[-1]} started.")


def enter_user_namespace() -> bool:
    """Become an ordinary user in a namespace of our own; false where the system forbids it."""
    try:
        os.unshare(os.CLONE_NEWUSER)
    except (OSError, AttributeError):
        return False
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{UNPRIVILEGED_ID} 0 1")
    Path("/proc/self/gid_map").write_text(f"{UNPRIVILEGED_ID} 0 1")
    return True


def give_to_nobody(data: Path) -> None:
    """Hand `data` to `nobody` and become it, keeping only the right to walk through root's own folders."""
    nobody = pwd.getpwnam("nobody")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder, _, files in os.walk(data):
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        for name in files:
            os.chown(Path(folder, name), nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)
    keep_capabilities(CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)


def keep_capabilities(*capabilities: int) -> None:
    """Carry `capabilities` over the coming exec, where the system lets us."""
    mask = sum(1 << capability for capability in capabilities)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    libc.capset(header, sets)
    for capability in capabilities:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def main(arguments: list[str]) -> None:
    parent = os.getppid()
    options, program = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    values = dict(zip(options[::2], options[1::2], strict=True))
    if "--not-root" in values and os.geteuid() == 0 and not enter_user_namespace():
        give_to_nobody(Path(values["--not-root"]))
    # After any change of identity, which would cancel it.
    if "--death-signal" in values:
        end_with_parent(values["--death-signal"], parent)
    os.execvp(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
