"""A picture of the figures, as SVG: how much of each floor was reached, and how fast everybody was."""

from html import escape
from statistics import median

from .floors import Floor, Speed

WIDTH, LABEL, BAR, GAP = 900, 380, 14, 6
# Requests a second are shown on a scale of powers of ten, since they span three of them.
LEAST, MOST = 100, 100_000

SPEEDS = [
    ("FastAPI in memory: GET", "peer-memory-get", "#b5b5b5"),
    ("raw actix: GET", "limit-raw", "#7f9fbf"),
    ("raw actix, dutiful: GET", "limit-raw-dutiful", "#7f9fbf"),
    ("one-hop proxy: GET", "limit-hop", "#7f9fbf"),
    ("one-hop proxy, dutiful: GET", "limit-hop-dutiful", "#7f9fbf"),
    ("Lastcopy: GET, cached", "shop-get", "#2a6f4e"),
    ("Lastcopy: GET, not cached", "shop-get-uncached", "#2a6f4e"),
    ("FastAPI in memory: order", "peer-memory", "#b5b5b5"),
    ("FastAPI, durable: order", "peer-durable", "#b5b5b5"),
    ("one process, durable: order", "limit-durable", "#7f9fbf"),
    ("bare chain: purchase", "limit-chain", "#7f9fbf"),
    ("bare chain, coalesced: purchase", "limit-chain-coalesced", "#7f9fbf"),
    ("dutiful chain, coalesced: purchase", "limit-chain-dutiful", "#7f9fbf"),
    ("dutiful chain, coalesced: card checkout", "limit-chain-card", "#7f9fbf"),
    ("Lastcopy: purchase", "shop-purchase", "#2a6f4e"),
    ("Lastcopy: card checkout", "shop-card", "#2a6f4e"),
]


def svg(floors: list[Floor], subjects: dict) -> str:
    parts: list[str] = []
    y = _floors(parts, floors, 30)
    y = _speeds(parts, Speed(subjects), y + 30)
    style = "text{font:12px sans-serif;fill:#222}.h{font-weight:bold}.n{fill:#555}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}">'
    return "\n".join([head, f"<style>{style}</style>", f'<rect width="{WIDTH}" height="{y}" fill="#fff"/>', *parts, "</svg>\n"])


def _floors(parts: list[str], floors: list[Floor], y: int) -> int:
    parts.append(f'<text class="h" x="10" y="{y}">Reached, as a share of the floor (the line)</text>')
    top, scale = y + 12, (WIDTH - LABEL - 90) / 3
    y = top
    for floor in floors:
        for reached in floor.reached:
            than = f" / {floor.than}" if floor.than else ""
            name = f"{floor.what}{than} {reached.at}".strip()
            color = "#2a6f4e" if reached.held else "#b3492f"
            _bar(parts, y, name, min(reached.share, 3) * scale, color, f"{reached.share:.2f}")
            y += BAR + GAP
    line = LABEL + scale
    parts.append(f'<line x1="{line:.1f}" y1="{top - 4}" x2="{line:.1f}" y2="{y}" stroke="#222" stroke-dasharray="3 3"/>')
    return y


def _speeds(parts: list[str], speed: Speed, y: int) -> int:
    from math import log10

    parts.append(f'<text class="h" x="10" y="{y}">Requests a second at 32 (upper) and 200 connections, by powers of ten from {LEAST}</text>')
    y += 12
    scale = (WIDTH - LABEL - 90) / (log10(MOST) - log10(LEAST))
    for label, name, color in SPEEDS:
        if not speed.has(name):
            continue
        for connections in (32, 200):
            value = median(speed.figures(name, connections, "per_second"))
            length = max(0.0, log10(max(value, 1)) - log10(LEAST)) * scale
            _bar(parts, y, label if connections == 32 else "", length, color, f"{value:,.0f}")
            y += BAR + 1
        y += GAP
    return y


def _bar(parts: list[str], y: int, label: str, length: float, color: str, value: str) -> None:
    middle = y + BAR - 3
    if label:
        short = label if len(label) <= 62 else label[:61] + "…"
        parts.append(f'<text x="{LABEL - 8}" y="{middle}" text-anchor="end">{escape(short)}</text>')
    parts.append(f'<rect x="{LABEL}" y="{y}" width="{max(length, 1):.1f}" height="{BAR}" fill="{color}"/>')
    parts.append(f'<text class="n" x="{LABEL + length + 5:.1f}" y="{middle}">{escape(value)}</text>')
