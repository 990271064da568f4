"""Do two hosts train as one process does, and end with the kernel? Two hosts on one machine.

Run by hand, as root on Linux with `ip` and `unshare`: ``.venv/bin/python benchmarks/two_hosts.py``.
Each host is a network namespace with a name of its own, and a cable joins them. The engines start
through a profile, as on a cluster: ``mpiexec`` reaches the other host by a program that takes the
arguments of ssh. Then the kernel is killed. Exit status 1 if weights differ or anything is left.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOSTS = {"hosta": "10.9.0.1", "hostb": "10.9.0.2"}
RESOLVE = Path("/etc/netns")  # `ip netns exec` shows what lies there as /etc
SSH = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
host=$1
shift
exec ip netns exec "$host" unshare -u sh -c "hostname $host; exec $*"
"""
PROFILE = """
c = get_config()
c.Cluster.controller_ip = "*"
c.Cluster.controller_location = "{address}"
c.Cluster.engine_launcher_class = "mpi"
c.MPILauncher.mpi_args = [
    "-hosts", "{hosts}", "-ppn", "1", "-launcher", "ssh", "-launcher-exec", "{ssh}",
]
"""
KERNEL = """
import time
import numpy as np
from helpers.engines.cluster import Engines
from helpers.engines.training import BUILD, train

def where(comm):
    from mpi4py import MPI
    return MPI.Get_processor_name()

engines = Engines(2, profile="two")
print("hosts:", *(engines.run(where) if not engines.why else [engines.why]), flush=True)
for name in BUILD:
    one = train(None, name, 32)
    differences = [np.abs(two - one).max() for two in engines.run(train, name, 32)]
    print(f"{name}: largest difference {max(differences):.0e}", flush=True)
    assert max(differences) < 1e-6
print("done", flush=True)
time.sleep(600)
"""


def connect():
    """Two namespaces and a cable between them."""
    run = lambda line: subprocess.run(line.split(), check=True)  # noqa: E731
    for host in HOSTS:
        run(f"ip netns add {host}")
        (RESOLVE / host).mkdir(parents=True)
        lines = [f"{address} {name}" for name, address in HOSTS.items()]
        (RESOLVE / host / "hosts").write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))
    run("ip link add cable0 type veth peer name cable1")
    for end, (host, address) in enumerate(HOSTS.items()):
        run(f"ip link set cable{end} netns {host}")
        run(f"ip -n {host} addr add {address}/24 dev cable{end}")
        run(f"ip -n {host} link set cable{end} up")
        run(f"ip -n {host} link set lo up")


def left():
    """Numbers of the processes on both hosts."""
    lists = [subprocess.run(["ip", "netns", "pids", host], capture_output=True) for host in HOSTS]
    return [int(word) for done in lists for word in done.stdout.split()]


def main():
    """Connect, train, kill, look, and clean up."""
    folder = Path(tempfile.mkdtemp(prefix="two-hosts-"))
    try:
        connect()
        ssh, profile = folder / "ssh", folder / "profile_two"
        ssh.write_text(SSH)
        ssh.chmod(0o755)
        profile.mkdir()
        first = next(iter(HOSTS))
        text = PROFILE.format(address=HOSTS[first], hosts=",".join(HOSTS), ssh=ssh)
        (profile / "ipcluster_config.py").write_text(text)
        root = str(Path(__file__).resolve().parents[1])
        variables = os.environ | {"IPYTHONDIR": str(folder), "PYTHONPATH": root}
        host = ["ip", "netns", "exec", first, "unshare", "-u", "sh", "-c"]
        command = [*host, f'hostname {first}; exec "$0" -c "$1"', sys.executable, KERNEL]
        kernel = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)
        lines = []
        for line in kernel.stdout:
            print(line, end="")
            lines.append(line)
            if line == "done\n":
                break
        running = len(left())
        kernel.send_signal(signal.SIGKILL)
        kernel.wait()
        last = time.monotonic() + 20
        while left() and time.monotonic() < last:
            time.sleep(0.2)
        print(f"{running} processes on both hosts; after the kernel was killed: {len(left())}")
        return int(lines[-1:] != ["done\n"] or lines[0].split()[1:] != [*HOSTS] or bool(left()))
    finally:
        for host in HOSTS:
            subprocess.run(["ip", "netns", "del", host])
            shutil.rmtree(RESOLVE / host, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
