#!/usr/bin/env python3
"""The dashboard as Prometheus and Grafana would read it: its expressions, what they are drawn by, and what is provisioned.

Every expression is given to promtool as a rule of its own; a legend names only labels that its expression keeps; no panel lies
on another, no two have one id; the datasources and files that the provisioning names are what docker-compose.yml runs and
mounts. Grafana itself reads none of it here. That every number named is shown by a running shop is a test of the shop
(`every_number_that_rules_and_dashboard_name_is_there`). Needs promtool, and nothing else but Python.
"""

import itertools
import json
import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GRAFANA = ROOT / "deploy/grafana"
# What Grafana puts in its place.
INTERVAL = "$__rate_interval"

wrong = []


def check(right, what):
    if not right:
        wrong.append(what)


def drawn(board):
    """Each panel that draws something, with those in folded rows."""
    for panel in board["panels"]:
        if panel["type"] != "row":
            yield panel
        yield from panel.get("panels", [])


def places(panel):
    at = panel["gridPos"]
    return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


def board_holds_together(board):
    ids = [panel["id"] for panel in board["panels"]]
    check(len(ids) == len(set(ids)), f"two panels have one id: {sorted(ids)}")
    for one, other in itertools.combinations(board["panels"], 2):
        check(not places(one) & places(other), f"{one['title']!r} lies on {other['title']!r}")
    variables = {"${" + variable["name"] + "}" for variable in board["templating"]["list"]}
    for panel in drawn(board):
        title, at = panel["title"], panel["gridPos"]
        check(at["x"] + at["w"] <= 24, f"{title!r} is wider than the page")
        check(panel["datasource"]["uid"] in variables, f"{title!r} asks a source that nobody chose")
        letters = [target["refId"] for target in panel["targets"]]
        check(letters and len(letters) == len(set(letters)), f"{title!r} has two expressions of one letter, or none")


def legends_name_what_is_kept(board):
    for panel in drawn(board):
        for target in panel["targets"]:
            kept = {label.strip() for by in re.findall(r"\bby \(([^)]*)\)", target["expr"]) for label in by.split(",")}
            for label in re.findall(r"{{(\w+)}}", target.get("legendFormat", "")):
                check(label in kept, f"{panel['title']!r} is drawn by {label}, which {target['expr']} does not keep")


def expressions_are_understood(board):
    lines = ["groups:", "  - name: dashboard", "    rules:"]
    for panel in drawn(board):
        for target in panel["targets"]:
            record = f"panel_{panel['id']}:{target['refId'].lower()}"
            # JSON is YAML.
            lines += [f"      - record: {record}", f"        expr: {json.dumps(target['expr'].replace(INTERVAL, '5m'))}"]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as rules:
        rules.write("\n".join(lines) + "\n")
        rules.flush()
        checked = subprocess.run(["promtool", "check", "rules", rules.name], capture_output=True, text=True)
    check(checked.returncode == 0, f"promtool: {checked.stdout}{checked.stderr}")
    return sum(line.startswith("      - record") for line in lines)


def what_is_provisioned_is_there():
    compose = (ROOT / "docker-compose.yml").read_text()
    services = set(re.findall(r"^  ([a-z0-9-]+):$", compose, re.M))
    sources = (GRAFANA / "provisioning/datasources/lastcopy.yml").read_text()
    for host in re.findall(r"url: http://([a-z0-9-]+):\d+", sources):
        check(host in services, f"the datasource at {host} is no service of docker-compose.yml")
    check("type: prometheus" in sources, "no datasource is a Prometheus, which the dashboard asks for")
    folder = re.search(r"path: ([^}\s]+)", (GRAFANA / "provisioning/dashboards/lastcopy.yml").read_text()).group(1)
    check(f"./deploy/grafana/lastcopy.json:{folder}/" in compose, f"no dashboard is mounted in {folder}")
    check("./deploy/grafana/provisioning:/etc/grafana/provisioning" in compose, "the provisioning is mounted nowhere")


def main():
    board = json.loads((GRAFANA / "lastcopy.json").read_text())
    board_holds_together(board)
    legends_name_what_is_kept(board)
    number = expressions_are_understood(board)
    what_is_provisioned_is_there()
    if wrong:
        raise SystemExit("\n".join(wrong))
    print(f"{number} expressions in {sum(1 for _ in drawn(board))} panels")


if __name__ == "__main__":
    main()
