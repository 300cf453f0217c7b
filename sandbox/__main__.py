"""The sandbox's command line: serve, exec, env."""

import argparse
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence

from sandbox.environment import settings
from sandbox.process import exit_with_parent, listen, serve_in_background


def run_with_sandbox(command: Sequence[str]) -> int:
    """Run a command with a new sandbox, and with the settings of all sources pointing at it.

    Returns:
        The command's exit code; 128 + n if signal n ended it; 127 if it cannot be started.
    """
    with serve_in_background() as url:
        environment = {**os.environ, **settings(url)}
        for name in ("no_proxy", "NO_PROXY"):
            environment[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1")))
        try:
            process = subprocess.Popen(command, env=environment)
        except OSError as error:
            sys.stderr.write(f"{command[0]}: {error.strerror}\n")
            return 127
        # The terminal sends Ctrl-C to the command too. The command decides when to end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        code = process.wait()
        return 128 - code if code < 0 else code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The vendors' protocols on this machine.")
    commands = parser.add_subparsers(dest="action", required=True)
    to_serve = commands.add_parser("serve", help="serve until Ctrl-C")
    to_serve.add_argument("--port", type=int, default=8099)
    to_serve.add_argument("--fd", type=int, help=argparse.SUPPRESS)
    to_exec = commands.add_parser("exec", help="run a command with a sandbox of its own")
    to_exec.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND...")
    to_env = commands.add_parser("env", help="print the settings that point at a sandbox")
    to_env.add_argument("--url", required=True)
    options = parser.parse_args(arguments)

    if options.action == "env":
        sys.stdout.writelines(f"{name}={value}\n" for name, value in settings(options.url.rstrip("/")).items())
        return 0
    if options.action == "exec":
        command = options.command[1:] if options.command[:1] == ["--"] else options.command
        if not command:
            parser.error("exec needs a command: python -m sandbox exec -- COMMAND...")
        return run_with_sandbox(command)
    from sandbox.server import serve  # noqa: PLC0415  exec and env need no server in this process

    if options.fd is not None:
        exit_with_parent()
        serve(socket.socket(fileno=options.fd), verbose=False)
    else:
        serve(listen(options.port), verbose=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
