"""Makes `.venv` as `uv.lock` says: safe to repeat, quick when nothing changed. Standard library only, any Python 3.

Looks for Python 3.13, makes the environment with its `venv`, installs one version of uv there, and lets uv do the rest.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
import time

UV_VERSION = "0.13.9"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "synced")
NO_PYTHON = """Python 3.13 was not found.
Install it (Debian and Ubuntu: apt-get install python3.13 python3.13-venv; elsewhere see python.org) and run this again,
or name it: make {target} PYTHON3=/path/to/python3.13"""


def is_wanted(python):
    """Whether `python` starts and is version 3.13."""
    command = [python, "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 13))"]
    try:
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def find_python():
    """The path of a Python 3.13, or None."""
    candidates = [sys.executable, shutil.which("python3.13"), shutil.which("python3")]
    for pattern in ("~/.pyenv/versions/3.13*/bin/python3.13", "~/.local/share/uv/python/*3.13*/bin/python3.13"):
        candidates += sorted(glob.glob(os.path.expanduser(pattern)))
    candidates += ["/usr/local/bin/python3.13", "/usr/bin/python3.13", "/opt/homebrew/bin/python3.13"]
    return next((python for python in candidates if python and is_wanted(python)), None)


def fingerprint():
    """What the environment is made from, as a hash."""
    digest = hashlib.sha256(UV_VERSION.encode())
    for name in ("uv.lock", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def read(path):
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""


def run(command, what):
    """Run a step; on failure say which and end."""
    environment = dict(os.environ, UV_PROJECT_ENVIRONMENT=VENV, UV_PYTHON_DOWNLOADS="never", UV_NO_PROGRESS="1")
    environment.pop("VIRTUAL_ENV", None)
    if subprocess.call(command, cwd=ROOT, env=environment) != 0:
        sys.exit("Could not %s (the lines above say why)." % what)


def make_environment():
    """An empty environment of the right Python, unless there is one."""
    if is_wanted(PYTHON):
        return
    python = find_python()
    if python is None:
        sys.exit(NO_PYTHON.format(target="run"))
    shutil.rmtree(VENV, ignore_errors=True)
    run([python, "-m", "venv", VENV], "make .venv (Debian and Ubuntu need the package python3.13-venv)")


def install_uv():
    if not glob.glob(os.path.join(VENV, "lib", "python3.13", "site-packages", "uv-%s.dist-info" % UV_VERSION)):
        pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        run([*pip, "install", "uv==" + UV_VERSION], "install uv")


def main():
    wanted = fingerprint()
    if read(STAMP) == wanted and os.path.exists(PYTHON):
        return
    started = time.time()
    print("Preparing .venv ...", flush=True)
    make_environment()
    install_uv()
    run([os.path.join(VENV, "bin", "uv"), "sync", "--frozen", "--quiet"], "install what uv.lock lists")
    with open(STAMP, "w") as file:
        file.write(wanted)
    print("Prepared .venv in %.0f s." % (time.time() - started), flush=True)


if __name__ == "__main__":
    main()
