"""Private MariaDB, MySQL and PostgreSQL servers: on loopback, in a temporary folder, stopped by their process id."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pymysql

PATIENCE = 60
"""Seconds until a server that does not answer is given up."""


_REAL_MYSQL = Path(__file__).with_name("real-mysql")
_CANNOT = 3
"""Its exit status where real MySQL cannot be had."""


class Missing(Exception):
    """The program is not there. The text names the command that would bring it."""


@contextmanager
def mariadb(*, durable: bool = False) -> Iterator[str]:
    """A SQLAlchemy URL of an empty database; ``durable``: with the fsyncs of production."""
    server = _program("mariadbd")
    if server is None:
        raise Missing("no MariaDB here: apt-get install mariadb-server-core")
    with _folder(None) as folder:
        port, password = _free_port(), secrets.token_hex()
        common = ["--no-defaults", f"--datadir={folder}/data", f"--user={getpass.getuser()}"]
        (folder / "data").mkdir()
        _run([server, *common, "--bootstrap", "--skip-log-bin"], folder, None, _mariadb_tables())
        setup = folder / "setup.sql"
        setup.write_text(f"ALTER USER root@localhost IDENTIFIED BY '{password}';\nCREATE DATABASE byline;\n")
        command = [server, *common, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/socket"]
        command += [
            f"--pid-file={folder}/pid",
            f"--tmpdir={folder}",
            f"--init-file={setup}",
            "--character-set-server=utf8mb4",
        ]
        command += [f"--innodb-flush-log-at-trx-commit={1 if durable else 0}", "--innodb-buffer-pool-size=64M"]

        def connect() -> None:
            pymysql.connect(host="127.0.0.1", port=port, user="root", password=password, database="byline").close()

        with _running(command, folder, None, connect):
            yield f"mysql+pymysql://root:{password}@127.0.0.1:{port}/byline?charset=utf8mb4"


@contextmanager
def real_mysql() -> Iterator[str]:
    """MySQL itself, which Debian has in its unstable suite only: fetched and run beside the system. The URL has no
    database that anyone uses."""
    with _folder(None) as folder:
        port = _free_port()
        started = subprocess.run(
            [_REAL_MYSQL, "start", folder / "server", str(port)], capture_output=True, text=True, check=False
        )
        if started.returncode == _CANNOT:
            raise Missing(started.stderr.strip().splitlines()[-1])
        if started.returncode:
            raise RuntimeError(f"real-mysql failed:\n{started.stderr}")
        try:
            with pymysql.connect(host="127.0.0.1", port=port, user="root") as fast, fast.cursor() as cursor:
                cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 0, GLOBAL sync_binlog = 0")
            yield f"mysql+pymysql://root@127.0.0.1:{port}/mysql?charset=utf8mb4"
        finally:
            subprocess.run([_REAL_MYSQL, "stop", folder / "server"], capture_output=True, check=True)


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """The same for PostgreSQL. It refuses to run as root, so root runs it as the user of Debian's package."""
    server, initdb = _program("postgres"), _program("initdb")
    if server is None or initdb is None:
        raise Missing("no PostgreSQL here: apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else None
    with _folder(user) as folder:
        port, password = _free_port(), secrets.token_hex()
        (folder / "password").write_text(password)
        data = ["-D", f"{folder}/data"]
        account = ["-U", "byline", "--auth=scram-sha-256", f"--pwfile={folder}/password"]
        _run([initdb, *data, *account, "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"], folder, user)
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_prepared_transactions=5"]
        settings += [f"fsync={'on' if durable else 'off'}"]
        command = [server, *data, "-p", str(port), *(word for setting in settings for word in ("-c", setting))]

        def connect() -> None:
            psycopg.connect(host="127.0.0.1", port=port, user="byline", password=password, dbname="postgres").close()

        with _running(command, folder, user, connect):
            yield f"postgresql+psycopg://byline:{password}@127.0.0.1:{port}/postgres"


def _program(name: str) -> str | None:
    """Debian keeps servers where no user's PATH leads."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", *map(str, debian)]))


@contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="byline-") as name:
        if user is not None:
            shutil.chown(name, user)
        yield Path(name)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _mariadb_tables() -> str:
    """What mariadb-install-db would do; it needs a program that Debian keeps in the client's package."""
    share = next(folder for name in ("mariadb", "mysql") if (folder := Path("/usr/share") / name).is_dir())
    settings = "CREATE DATABASE mysql;\nUSE mysql;\nSET @skip_auth_anonymous=1, @auth_root_socket=NULL;\n"
    parts = ("system_tables", "performance_tables", "system_tables_data")
    return settings + "".join(next(share.glob(f"m*_{part}.sql")).read_text() for part in parts)


def _run(command: Sequence[str], folder: Path, user: str | None, said: str = "") -> None:
    done = subprocess.run(command, cwd=folder, user=user, input=said, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def _running(command: Sequence[str], folder: Path, user: str | None, connect: Callable[[], None]) -> Iterator[None]:
    log = folder / "log"
    with log.open("w") as out, subprocess.Popen(command, cwd=folder, user=user, stdout=out, stderr=out) as process:
        try:
            _wait(process, connect, log)
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _wait(process: subprocess.Popen[bytes], connect: Callable[[], None], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return connect()
        except (psycopg.Error, pymysql.Error):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the server did not start:\n{log.read_text()[-2000:]}") from None
            time.sleep(0.05)
