#!/usr/bin/env python3
"""What one purchase and one read cost on PostgreSQL, in CPU time of every process, in commits and in bytes of log.

    scripts/scaling.py [LASTCOPY] [--replicas 1,2] [--rounds 3] [--purchases 300] [--buyers 16] [--redis]

For each number of replicas a shop: a PostgreSQL of its own, that many gateways, order, catalog and delivery services, one
sandbox bank, and with --redis a Redis. A gateway asks the services of its own number; all of a kind share a database. Every
round does the same with each shop in turn, and what is printed is the median of the rounds, so that whatever else the
machine does meets all of them. In the end every shop is audited. LASTCOPY is the binary, target/release/lastcopy unless said
otherwise. CPU time is what the system booked to each process, which hardly depends on what else the machine does; purchases
per second and waits do. Needs Python, PostgreSQL's server programs, and nothing that must be fetched.
"""

import argparse
import glob
import http.client
import itertools
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
PARTS = ["gateway", "order", "catalog", "delivery", "payments", "PostgreSQL"]


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
        while True:
            try:
                return sum(ticks(pid) for pid in [self.process.pid, *children(self.process.pid)])
            except FileNotFoundError:
                # A process of its own has just ended, whose time is its parent's now.
                continue

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
    def __init__(self, binary, folder, replicas, redis_url):
        self.name = f"{replicas} of each"
        self.postgres = Postgres(os.path.join(folder, "postgres"))
        self.orders, self.books = [], []
        banks = [free_port()] * replicas
        self.sets = [{**{name: free_port() for name in DATABASES}, "payments": bank} for bank in banks]
        self.turn = itertools.cycle(self.sets)
        environment = {**os.environ, "LASTCOPY_OPERATOR_KEY": KEY, "LASTCOPY_RATE_PER_ADDRESS": "0", "LASTCOPY_RATE_PER_CALLER": "0"}
        if redis_url:
            environment["LASTCOPY_REDIS_URL"] = redis_url
        self.processes = []
        self.log = open(os.path.join(folder, "log"), "w")
        for number, ports in enumerate(self.sets):
            for name, flags in self.flags(ports).items():
                if name == "payments" and number > 0:
                    continue
                command = [binary, "serve", name, "--listen", f"127.0.0.1:{ports[name]}"]
                command += ["--database-url", self.postgres.url(DATABASES[name]), *flags]
                process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=self.log)
                self.processes.append((name, process))
        until(f"the shop with {self.name} is ready", self.is_ready)

    def flags(self, ports):
        at = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        secret = ["--sandbox-webhook-secret", "a-secret-of-the-sandbox-only"]
        gateways = ["--gateway-url", at["gateway"]]
        told = ["--tell-gateways", ",".join(f"http://127.0.0.1:{one['gateway']}" for one in self.sets)]
        order, catalog, delivery = (["--" + name + "-url", at[name]] for name in ("order", "catalog", "delivery"))
        return {
            "catalog": gateways + told + order,
            "delivery": gateways + order,
            "payments": order + secret,
            "order": gateways + told + catalog + delivery + ["--payments-url", at["payments"]] + secret,
            "gateway": catalog + order + delivery,
        }

    def is_ready(self):
        try:
            return all(self.call(self.connection(), "GET", "/health/ready")[0] == 200 for _ in self.sets)
        except OSError:
            return False

    def connection(self):
        """To one gateway after the other."""
        return http.client.HTTPConnection("127.0.0.1", next(self.turn)["gateway"], timeout=60)

    def call(self, connection, method, path, body=None, headers=None):
        headers = {"x-api-key": KEY, "content-type": "application/json", **(headers or {})}
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def ticks(self):
        sums = dict.fromkeys(PARTS, 0)
        for name, process in self.processes:
            sums[name] += ticks(process.pid)
        sums["PostgreSQL"] = self.postgres.ticks()
        return sums

    def memory(self):
        """Megabytes that each kind of process has at most had, of the largest of its replicas."""
        peaks = dict.fromkeys(DATABASES, 0)
        for name, process in self.processes:
            status = open(f"/proc/{process.pid}/status").read()
            peaks[name] = max(peaks[name], int(status.split("VmHWM:")[1].split()[0]) // 1024)
        return peaks

    def connections(self):
        sql = "select count(*) from pg_stat_activity where backend_type = 'client backend'"
        return int(self.postgres.sql(sql, "postgres")) - 1

    def stop(self):
        running = [process for _, process in reversed(self.processes) if process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            process.wait(60)

    def audit(self, binary):
        audited = [name for name in DATABASES if name != "gateway"]
        flags = [flag for name in audited for flag in (f"--{name}-db", self.postgres.url(DATABASES[name]))]
        audit = subprocess.run([binary, "audit", *flags, "--max-age", "0"], capture_output=True, text=True)
        return audit.stdout.strip().splitlines()[-1] if audit.stdout else audit.stderr


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


def measured(shop, number, buyers, work, settle):
    """One round of one kind of work: the cost of each piece."""
    waits, one = queue(number, work)
    before, counts = shop.ticks(), shop.postgres.counts()
    began = time.monotonic()
    threads = [threading.Thread(target=one, args=(shop,)) for _ in range(buyers)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    took = time.monotonic() - began
    if len(waits) != number:
        raise SystemExit(f"{len(waits)} of {number} were answered")
    settle()
    after, counted = shop.ticks(), shop.postgres.counts()
    cost = {part: (after[part] - before[part]) * 1000 / TICKS / number for part in after}
    cost["all"] = sum(cost.values())
    cost.update({what: (counted[what] - counts[what]) / number for what in counted})
    waits.sort()
    cost.update({"rate": number / took, "half": statistics.median(waits) * 1000, "most": waits[int(len(waits) * 0.99)] * 1000})
    return cost


def row(name, rounds):
    cost = {what: statistics.median(one[what] for one in rounds) for what in rounds[0]}
    spread = [one["all"] for one in rounds]
    parts = " | ".join(f"{cost[part]:.2f}" for part in PARTS)
    return (f"| {name} | {parts} | {cost['all']:.2f} ({min(spread):.2f}–{max(spread):.2f}) | {cost['commits']:.1f} | {cost['syncs']:.1f} | "
            f"{cost['log'] / 1024:.1f} | {cost['disk'] / 1024:.1f} | {cost['rate']:.0f} | {cost['half']:.0f} | {cost['most']:.0f} |")


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("binary", nargs="?", default="target/release/lastcopy")
    asked.add_argument("--replicas", default="1,2")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--purchases", type=int, default=300)
    asked.add_argument("--buyers", type=int, default=16)
    asked.add_argument("--redis", action="store_true")
    asked = asked.parse_args()
    binary = os.path.abspath(asked.binary)
    folder = tempfile.mkdtemp(prefix="lastcopy-scaling-")
    # Another user has to reach its databases in there.
    os.chmod(folder, 0o755)
    shops, started = [], []
    try:
        for replicas in map(int, asked.replicas.split(",")):
            place = os.path.join(folder, str(replicas))
            os.makedirs(os.path.join(place, "postgres"))
            redis_url = None
            if asked.redis:
                port = free_port()
                redis = ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
                started.append(subprocess.Popen(redis, stdout=subprocess.DEVNULL, cwd=place))
                redis_url = f"redis://127.0.0.1:{port}/0"
            shops.append(Shop(binary, place, replicas, redis_url))
        run(asked, shops)
        for shop in shops:
            print(f"{shop.name}: {shop.connections()} connections, megabytes at most {shop.memory()}")
            shop.stop()
            print(f"{shop.name}: audit: {shop.audit(binary)}")
    finally:
        for shop in shops:
            shop.stop()
        for process in [shop.postgres.process for shop in shops] + started:
            process.terminate()
            process.wait(60)
        shutil.rmtree(folder)


def stock(shop):
    connection = shop.connection()
    for n in range(200):
        book = {"sku": f"scaling-{n}", "title": f"A title of scale {n}", "topic": "scaling", "price": 12.5, "stock": 100000}
        status, said = shop.call(connection, "POST", "/api/v1/books", book)
        if status != 201:
            raise SystemExit(f"{status} {said}")
        shop.books.append(json.loads(said)["id"])


def run(asked, shops):
    address = {"recipient": "Ana Lopez", "street": "12 Quay Street", "city": "Porto"}
    asks = itertools.count()

    def buy(book, more):
        def work(shop):
            def one(connection, n):
                line = {"book_id": book(shop, n), "quantity": 1}
                purchase = {"lines": [line], "payment_method": "on_delivery", **more}
                status, said = shop.call(connection, "POST", "/api/v1/checkout", purchase, {"idempotency-key": str(uuid.uuid4())})
                if status != 201:
                    raise SystemExit(f"{status} {said}")
                shop.orders.append(json.loads(said)["id"])
            return one
        return work

    def read(path):
        def work(shop):
            def one(connection, n):
                status, said = shop.call(connection, "GET", path(shop, n))
                if status != 200:
                    raise SystemExit(f"{status} {said}")
            return one
        return work

    def rested(shop):
        due = "select count(*) from orders where due_at_us is not null"
        until("every order is at rest", lambda: shop.postgres.sql(due, "orders") == "0")

    spread, hot = (lambda shop, n: shop.books[n % len(shop.books)]), (lambda shop, n: shop.books[0])
    card = {"payment_method": "card", "card": {"number": "4242424242424242", "expiry": "12/30"}}
    few, many, nothing = asked.purchases, asked.purchases * 5, (lambda shop: None)
    kinds = {
        "purchase, to collect": (few, buy(spread, {}), rested),
        "the same, all of one title": (few, buy(hot, {}), rested),
        "purchase, delivered": (few, buy(spread, {"address": address}), rested),
        "purchase by card, delivered": (few, buy(spread, {**card, "address": address}), rested),
        "read of a book, kept": (many, read(lambda shop, n: f"/api/v1/books/{spread(shop, n)}"), nothing),
        "search that nobody made before": (few, read(lambda shop, n: f"/api/v1/books?q=scale+{next(asks)}"), nothing),
        "read of an order": (few, read(lambda shop, n: f"/api/v1/orders/{shop.orders[n % len(shop.orders)]}"), nothing),
    }
    kinds["ten seconds in which nobody asks"] = (1, lambda shop: lambda connection, n: time.sleep(10), nothing)
    rounds = {(kind, shop.name): [] for kind in kinds for shop in shops}
    for shop in shops:
        stock(shop)
        measured(shop, 100, asked.buyers, buy(spread, {})(shop), lambda: rested(shop))
    for _ in range(asked.rounds):
        for kind, (number, work, settle) in kinds.items():
            for shop in shops:
                cost = measured(shop, number, asked.buyers, work(shop), lambda: settle(shop))
                rounds[kind, shop.name].append(cost)
    print("| CPU ms of | " + " | ".join(PARTS) + " | all (least–most) | commits | syncs | log kB | disk kB | a second | half ms | 99 % ms |")
    print("|---|" + "---|" * (len(PARTS) + 8))
    for (kind, shop), costs in rounds.items():
        print(row(f"{kind}; {shop}", costs))
    print(f"{os.cpu_count()} cores, {asked.buyers} connections, {asked.rounds} rounds, load {os.getloadavg()[0]:.1f} when this ended")


if __name__ == "__main__":
    main()
