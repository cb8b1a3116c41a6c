#!/usr/bin/env python3
"""What one purchase and one read cost on PostgreSQL, in CPU time of every process, in commits and in bytes of log.

    scripts/scaling.py [LASTCOPY] [--purchases 600] [--buyers 16] [--redis]

Starts a PostgreSQL of its own, the five services of one shop as processes, and with --redis a Redis; sells, reads, audits,
and stops all of it again. LASTCOPY is the binary, target/release/lastcopy unless said otherwise. CPU time is what the
system booked to each process, so that it hardly depends on what else the machine does; purchases per second and waits do.
Needs Python, PostgreSQL's server programs, and nothing that must be fetched.
"""

import argparse
import glob
import http.client
import json
import os
import pwd
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import uuid

KEY = "an-operators-key-for-a-shop-that-lives-for-minutes"
TICKS = os.sysconf("SC_CLK_TCK")
DATABASES = {"catalog": "catalog", "order": "orders", "delivery": "deliveries", "gateway": "gateway", "payments": "payments"}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def ticks(pid):
    """CPU time of a process, and of its children that have ended."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return sum(int(fields[at]) for at in (11, 12, 13, 14))


def children(pid):
    return [int(child) for child in open(f"/proc/{pid}/task/{pid}/children").read().split()]


class Postgres:
    def __init__(self, folder):
        self.port, self.folder = free_port(), folder
        self.bin = max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
        self.who = {}
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            self.who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(folder, user.pw_uid, user.pw_gid)
        data = os.path.join(folder, "data")
        self.run("initdb", "-A", "trust", "-U", "shop", "-D", data)
        settings = ["listen_addresses=127.0.0.1", "max_connections=200", f"unix_socket_directories={folder}"]
        flags = [flag for setting in settings for flag in ("-c", setting)]
        command = [f"{self.bin}/postgres", "-D", data, "-p", str(self.port), *flags]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=folder, **self.who)
        until("PostgreSQL answers", lambda: self.sql("select 1", "postgres", check=False) == "1")
        for name in DATABASES.values():
            self.sql(f"create database {name}", "postgres")

    def run(self, program, *args, check=True):
        command = [f"{self.bin}/{program}", *args]
        return subprocess.run(command, check=check, cwd=self.folder, capture_output=True, text=True, **self.who).stdout

    def sql(self, sql, database, check=True):
        args = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "shop", "-d", database, "-Atc", sql]
        return self.run("psql", *args, check=check).strip()

    def url(self, name):
        return f"postgres://shop@127.0.0.1:{self.port}/{name}"

    def ticks(self):
        return sum(ticks(pid) for pid in [self.process.pid, *children(self.process.pid)])

    def counts(self):
        """Commits of all, bytes of log, syncs of it, bytes on disk."""
        # What a connection has counted is told at most once a second.
        time.sleep(1.5)
        commits = self.sql("select sum(xact_commit) from pg_stat_database", "postgres")
        log, syncs = self.sql("select wal_bytes, wal_sync from pg_stat_wal", "postgres").split("|")
        size = self.sql("select sum(pg_database_size(datname)) from pg_database", "postgres")
        return {"commits": int(commits), "log": int(log), "syncs": int(syncs), "disk": int(size)}


def until(what, condition):
    deadline = time.monotonic() + 120
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"never: {what}")
        time.sleep(0.05)


class Shop:
    def __init__(self, binary, postgres, folder, redis_url):
        self.ports = {name: free_port() for name in DATABASES}
        at = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}
        secret = ["--sandbox-webhook-secret", "a-secret-of-the-sandbox-only"]
        gateways = ["--gateway-url", at["gateway"]]
        told = ["--tell-gateways", at["gateway"]]
        order, catalog, delivery = (["--" + name + "-url", at[name]] for name in ("order", "catalog", "delivery"))
        flags = {
            "catalog": gateways + told + order,
            "delivery": gateways + order,
            "payments": order + secret,
            "order": gateways + told + catalog + delivery + ["--payments-url", at["payments"]] + secret,
            "gateway": catalog + order + delivery,
        }
        environment = {**os.environ, "LASTCOPY_OPERATOR_KEY": KEY, "LASTCOPY_RATE_PER_ADDRESS": "0", "LASTCOPY_RATE_PER_CALLER": "0"}
        if redis_url:
            environment["LASTCOPY_REDIS_URL"] = redis_url
        self.processes = {}
        self.log = open(os.path.join(folder, "log"), "w")
        for name in flags:
            command = [binary, "serve", name, "--listen", f"127.0.0.1:{self.ports[name]}"]
            command += ["--database-url", postgres.url(DATABASES[name]), *flags[name]]
            self.processes[name] = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=self.log)
        until("the shop is ready", self.is_ready)

    def is_ready(self):
        try:
            return self.call(self.connection(), "GET", "/health/ready")[0] == 200
        except OSError:
            return False

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.ports["gateway"], timeout=60)

    def call(self, connection, method, path, body=None, headers=None):
        headers = {"x-api-key": KEY, "content-type": "application/json", **(headers or {})}
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def ticks(self):
        return {name: ticks(process.pid) for name, process in self.processes.items()}

    def stop(self):
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            process.wait(60)


def queue(number, work):
    """Work for any number of threads, which take turns until all is done; and how long each piece took."""
    waits, numbers, lock = [], iter(range(number)), threading.Lock()

    def one(shop):
        connection = shop.connection()
        while True:
            with lock:
                n = next(numbers, None)
            if n is None:
                return
            began = time.monotonic()
            work(connection, n)
            took = time.monotonic() - began
            with lock:
                waits.append(took)

    return waits, one


def measured(shop, postgres, name, number, buyers, work, settle):
    waits, one = queue(number, work)
    before, database, counts = shop.ticks(), postgres.ticks(), postgres.counts()
    began = time.monotonic()
    threads = [threading.Thread(target=one, args=(shop,)) for _ in range(buyers)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    took = time.monotonic() - began
    if len(waits) != number:
        raise SystemExit(f"{name}: {len(waits)} of {number} were answered")
    settle()
    after, counted = shop.ticks(), postgres.counts()
    cpu = {part: (after[part] - before[part]) * 1000 / TICKS / number for part in after}
    cpu["PostgreSQL"] = (postgres.ticks() - database) * 1000 / TICKS / number
    each = {what: (counted[what] - counts[what]) / number for what in counted}
    waits.sort()
    half, most = statistics.median(waits) * 1000, waits[int(len(waits) * 0.99)] * 1000
    parts = " | ".join(f"{cpu[part]:.2f}" for part in ("gateway", "order", "catalog", "delivery", "payments", "PostgreSQL"))
    print(f"| {name} | {parts} | {sum(cpu.values()):.2f} | {each['commits']:.1f} | {each['syncs']:.1f} | "
          f"{each['log'] / 1024:.1f} | {each['disk'] / 1024:.1f} | {number / took:.0f} | {half:.0f} | {most:.0f} |", flush=True)


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("binary", nargs="?", default="target/release/lastcopy")
    asked.add_argument("--purchases", type=int, default=600)
    asked.add_argument("--buyers", type=int, default=16)
    asked.add_argument("--redis", action="store_true")
    asked = asked.parse_args()
    binary = os.path.abspath(asked.binary)
    folder = tempfile.mkdtemp(prefix="lastcopy-scaling-")
    started = []
    try:
        postgres = Postgres(folder)
        started.append(postgres.process)
        redis_url = None
        if asked.redis:
            port = free_port()
            redis = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL, cwd=folder)
            started.append(redis)
            redis_url = f"redis://127.0.0.1:{port}/0"
        shop = Shop(binary, postgres, folder, redis_url)
        started += shop.processes.values()
        run(asked, shop, postgres)
        shop.stop()
        audited = [name for name in DATABASES if name != "gateway"]
        flags = [flag for name in audited for flag in (f"--{name}-db", postgres.url(DATABASES[name]))]
        audit = subprocess.run([binary, "audit", *flags, "--max-age", "0"], capture_output=True, text=True)
        print("audit:", audit.stdout.strip().splitlines()[-1] if audit.stdout else audit.stderr)
    finally:
        for process in reversed(started):
            if process.poll() is None:
                process.terminate()
                process.wait(60)
        shutil.rmtree(folder)


def run(asked, shop, postgres):
    connection, books = shop.connection(), []
    for n in range(200):
        book = {"sku": f"scaling-{n}", "title": f"A title of scale {n}", "topic": "scaling", "price": 12.5, "stock": 100000}
        status, said = shop.call(connection, "POST", "/api/v1/books", book)
        if status != 201:
            raise SystemExit(f"{status} {said}")
        books.append(json.loads(said)["id"])
    address = {"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"}
    orders = []

    def buy(book, more):
        def work(connection, n):
            purchase = {"lines": [{"book_id": book(n), "quantity": 1}], "payment_method": "on_delivery", **more}
            status, said = shop.call(connection, "POST", "/api/v1/checkout", purchase, {"idempotency-key": str(uuid.uuid4())})
            if status != 201:
                raise SystemExit(f"{status} {said}")
            orders.append(json.loads(said)["id"])
        return work

    def read(path):
        def work(connection, n):
            status, said = shop.call(connection, "GET", path(n))
            if status != 200:
                raise SystemExit(f"{status} {said}")
        return work

    def rested():
        due = "select count(*) from orders where due_at_us is not null"
        until("every order is at rest", lambda: postgres.sql(due, "orders") == "0")

    spread, hot = (lambda n: books[n % len(books)]), (lambda n: books[0])
    card = {"payment_method": "card", "card": {"number": "4242424242424242", "expiry": "12/30"}}
    few, many = asked.purchases, asked.purchases * 5
    print("| | gateway | order | catalog | delivery | payments | PostgreSQL | CPU ms in all | commits | syncs | log kB | disk kB | a second | half ms | 99 % ms |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    measured(shop, postgres, "(the first hundred)", 100, asked.buyers, buy(spread, {}), rested)
    measured(shop, postgres, "purchase, to collect", few, asked.buyers, buy(spread, {}), rested)
    measured(shop, postgres, "purchase, delivered", few, asked.buyers, buy(spread, {"address": address}), rested)
    measured(shop, postgres, "purchase, by card, delivered", few, asked.buyers, buy(spread, {**card, "address": address}), rested)
    measured(shop, postgres, "purchase, all of one title", few, asked.buyers, buy(hot, {}), rested)
    measured(shop, postgres, "read of a book, kept", many, asked.buyers, read(lambda n: f"/api/v1/books/{spread(n)}"), lambda: None)
    measured(shop, postgres, "search that nobody made before", few, asked.buyers, read(lambda n: f"/api/v1/books?q=scale+{n}"), lambda: None)
    measured(shop, postgres, "read of an order", few, asked.buyers, read(lambda n: f"/api/v1/orders/{orders[n % len(orders)]}"), lambda: None)
    print(f"{os.cpu_count()} cores, {asked.buyers} connections, load {os.getloadavg()[0]:.1f} when this ended")


if __name__ == "__main__":
    main()
