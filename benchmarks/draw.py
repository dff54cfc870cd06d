"""Shows what the scripts measured: `figures/*.json` -> the tables of pages, and their pictures in `docs/benchmarks`.

The pictures are small SVG files, for light and for dark pages, with text that can be read aloud. Equal figures give
equal files.
"""

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from _figures import Rows, read, read_table, show
from _measure import HERE, markdown_table

PAGES = (HERE.parent / "README.md", HERE / "README.md")
MARKED = re.compile(
    r"(<!-- (picture|figures): ([\w-]+) ?([\w-]*) -->\n).*?(<!-- end -->)", re.DOTALL
)
"""What is written into pages: a picture by its name, or a table by its script and its name."""
PICTURES = HERE.parent / "docs" / "benchmarks"
WIDTH, LEFT, RIGHT = 480, 8, 472
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Helvetica, Arial, sans-serif"
THEMES = {
    "light": {"text": "#1f2328", "quiet": "#59636e", "line": "#d1d9e0"}
    | {"ours": "#3f51b5", "peer": "#b5792a", "floor": "#8a8f98"},
    "dark": {"text": "#e6edf3", "quiet": "#9da7b3", "line": "#3d444d"}
    | {"ours": "#9fa8ff", "peer": "#c9924a", "floor": "#8b949e"},
}
NAMES = {
    "langchain_glm": "ChatGLM",
    "langchain_openai": "ChatOpenAI",
    "langchain_openrouter": "ChatOpenRouter",
    "langchain_litellm": "ChatLiteLLM",
    "llamaindex_glm": "GLM (LlamaIndex)",
    "llama_index.llms.openrouter": "OpenRouter (LlamaIndex)",
    "llama-index-llms-openrouter": "OpenRouter (LlamaIndex)",
    "the framework alone, chunks built": "the framework alone",
}


def kind_of(row: str) -> str:
    """Return whether it is ours, a peer, or a floor."""
    if row.startswith(("bare", "the framework")) or "over bare" in row:
        return "floor"
    is_ours = row.startswith(("ours", "ChatGLM", "GLM", "AsyncClient")) or row.endswith("_glm")
    return "ours" if is_ours else "peer"


class Picture:
    """A picture that grows downwards; colours are words of `THEMES`."""

    def __init__(self, title: str, words: str) -> None:
        self.title, self.facts = title, [words]
        self.parts: list[str] = []
        self.text(LEFT, 22, title, size=17, weight=600)
        self.text(LEFT, 42, words, colour="quiet", size=13)
        self.y = 54.0

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        colour: str = "text",
        size: int = 14,
        anchor: str = "start",
        weight: int = 400,
    ) -> None:
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{{{colour}}}" font-size="{size}" '
            f'font-weight="{weight}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> None:
        self.parts.append(
            f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{{{colour}}}" '
            f'stroke-width="{width}" stroke-linecap="round"/>'
        )

    def dot(self, x: float, y: float, colour: str, radius: float, opacity: float = 1) -> None:
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{{{colour}}}" opacity="{opacity}"/>'
        )

    def bar(self, x: float, y: float, width: float, colour: str, opacity: float = 1) -> None:
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(1, width):.1f}" height="9" '
            f'fill="{{{colour}}}" opacity="{opacity}"/>'
        )

    def head(self, words: str) -> None:
        self.y += 24
        self.text(LEFT, self.y, words, colour="quiet", size=13, weight=600)

    def label(self, row: str, kind: str, value: str) -> float:
        """Write what a row is and its figure, and return where its bar goes."""
        self.text(LEFT, self.y + 20, row, weight=600 if kind == "ours" else 400)
        self.text(RIGHT, self.y + 20, value, anchor="end")
        self.facts.append(f"{row}: {value}")
        self.y += 34
        return self.y - 8

    def svg(self, theme: str) -> str:
        body = "\n".join(self.parts)
        for word, colour in THEMES[theme].items():
            body = body.replace(f"{{{word}}}", colour)
        height = math.ceil(self.y + 14)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="540" '
            f'role="img" aria-labelledby="title desc" font-family="{FONT}" fill="none">\n'
            f'<title id="title">{escape(self.title)}</title>\n'
            f'<desc id="desc">{escape(". ".join(self.facts))}</desc>\n{body}\n</svg>\n'
        )


def rows_of(name: str, table: str) -> Rows:
    return read_table(name, table).rows


def logarithmic(values: Iterable[float]) -> Callable[[float], float]:
    """Return a scale from a power of ten at the left to the greatest value at the right."""
    values = [*values]
    low, high = math.floor(math.log10(min(values))), math.log10(max(values))
    return lambda value: LEFT + (math.log10(value) - low) / (high - low) * (RIGHT - LEFT - 8)


def chunk() -> Picture:
    picture = Picture("CPU of a streamed chunk", "microseconds, logarithmic scale; less is better")
    tables = {
        words: {
            row: figures["text"]
            for row, figures in rows_of("stream", key).items()
            if "text" in figures and "from memory" not in row
        }
        for key, words in (("langchain", "LangChain"), ("llamaindex", "LlamaIndex"))
    }
    scale = logarithmic(value for table in tables.values() for value in table.values())
    for words, table in tables.items():
        picture.head(words)
        ours = "ChatGLM" if words == "LangChain" else "GLM (LlamaIndex)"
        for row, value in sorted(table.items(), key=lambda pair: pair[1]):
            kind = kind_of(row)
            name = ours if row == "ours" else NAMES.get(row, row)
            y = picture.label(name, kind, f"{show(value)} µs · {value / table['ours']:.1f} times")
            picture.line(LEFT, y + 4, scale(value), y + 4, kind, 2)
            picture.dot(scale(value), y + 4, kind, 6)
    return picture


def held() -> Picture:
    picture = Picture("Streams that a core holds", "50 chunks a second each; more is better")
    values = {row: figures["streams"] for row, figures in rows_of("concurrency", "held").items()}
    for row, value in sorted(values.items(), key=lambda pair: -pair[1]):
        y = picture.label(row, kind_of(row), f"{value:,}")
        width = value / max(values.values()) * (RIGHT - LEFT)
        picture.bar(LEFT, y, width, kind_of(row))
    return picture


def cold() -> Picture:
    words = "CPU seconds over the framework: import, first model, first answer"
    picture = Picture("Cold start", words)
    rows = rows_of("imports", "cold")
    parts = ("import", "model", "answer")
    sums = {row: sum(figures[part] for part in parts) for row, figures in rows.items()}
    for row in sorted(sums, key=sums.__getitem__):
        kind = kind_of(row)
        y, x = picture.label(NAMES[row], kind, f"{sums[row]:.2f} s"), float(LEFT)
        for part, opacity in zip(parts, (1, 0.65, 0.35), strict=True):
            width = rows[row][part] / max(sums.values()) * (RIGHT - LEFT)
            picture.bar(x, y, width, kind, opacity)
            x += width
    return picture


def curves(
    picture: Picture, rows: dict[str, tuple[str, dict[str, float]]], *, log: bool
) -> Picture:
    """Draw a line for each row, and its name at its end."""
    values = [value for _, figures in rows.values() for value in figures.values()]
    at = math.log10 if log else float
    sizes = [at(float(key)) for _, figures in rows.values() for key in figures]
    low = math.floor(at(min(values))) if log else 0
    begin, end = 26, 290
    top, bottom = picture.y + 10, picture.y + 250

    def x_of(key: str) -> float:
        return begin + (at(float(key)) - min(sizes)) / (max(sizes) - min(sizes)) * (end - begin)

    def y_of(value: float) -> float:
        return bottom - (at(value) - low) / (at(max(values)) - low) * (bottom - top)

    picture.line(begin, bottom, end, bottom, "line", 1)
    for key in dict.fromkeys(key for _, figures in rows.values() for key in figures):
        picture.text(
            x_of(key), bottom + 20, f"{int(key):,}", colour="quiet", size=13, anchor="middle"
        )
    free = bottom + 18
    for name, (kind, figures) in sorted(rows.items(), key=lambda row: [*row[1][1].values()][-1]):
        points = [(x_of(key), y_of(value)) for key, value in figures.items()]
        for (x1, y1), (x2, y2) in pairwise(points):
            picture.line(x1, y1, x2, y2, kind, 2)
        for x, y in points:
            picture.dot(x, y, kind, 4)
        last = [*figures.values()][-1]
        free = min(points[-1][1] + 5, free - 18)
        picture.text(end + 10, free, f"{name} {show(last)}", colour=kind, size=12)
        picture.facts.append(
            f"{name}: " + ", ".join(f"{show(v)} at {int(k):,}" for k, v in figures.items())
        )
    picture.y = bottom + 26
    return picture


def memory() -> Picture:
    picture = Picture("Memory over streams", "peak memory in MB at so many streams; less is better")
    rows = rows_of("concurrency", "memory")
    names = {row: row.replace(" over bare aiohttp", " + aiohttp").split(" (")[0] for row in rows}
    lines = {names[row]: (kind_of(row), figures) for row, figures in rows.items()}
    return curves(picture, lines, log=False)


def growth() -> Picture:
    words = "CPU µs a chunk by the chunks of an answer, logarithmic; less is better"
    picture = Picture("Growth with length", words)
    lines = {}
    for case, what in (("text", "text"), ("calls", "tool calls")):
        for row, figures in rows_of("growth", f"{case}-cost").items():
            if row != "ours, put together with each chunk":
                name = "GLM" if row == "ours" else "OpenRouter"
                lines[f"{name}, {what}"] = (kind_of(row), figures)
    return curves(picture, lines, log=True)


def tails(streams: int) -> Picture:
    words = "milliseconds for 50, 90 and 99 % of the tokens, logarithmic"
    picture = Picture(f"Waiting at {streams} streams", words)
    rows = rows_of("latency", str(streams))
    scale = logarithmic(max(v, 1) for figures in rows.values() for v in figures.values())
    for what, head in (("first", "Until the first token"), ("next", "From token to token")):
        picture.head(head)
        for row, figures in sorted(rows.items(), key=lambda pair, w=what: pair[1][f"{w}-99"]):
            waits = [figures[f"{what}-{percent}"] for percent in (50, 90, 99)]
            kind = kind_of(row)
            y = picture.label(row, kind, " · ".join(map(show, waits)))
            places = [scale(max(value, 1)) for value in waits]
            picture.line(places[0], y + 4, places[-1], y + 4, kind, 2)
            for x, opacity in zip(places, (1, 0.65, 0.35), strict=True):
                picture.dot(x, y + 4, kind, 5, opacity)
    return picture


DRAWN: dict[str, Callable[[], Picture]] = {
    "chunk": chunk,
    "growth": growth,
    "cold": cold,
    "held": held,
    "memory": memory,
    "tails-100": lambda: tails(100),
    "tails-300": lambda: tails(300),
}


def outputs() -> dict[Path, str]:
    """Return what is drawn, and the pages that it is shown on: file -> its text."""
    drawn = {
        PICTURES / f"{name}-{theme}.svg": picture.svg(theme)
        for name, draw in DRAWN.items()
        for picture in [draw()]
        for theme in THEMES
    }
    return drawn | {page: filled(page.read_text(), page.parent) for page in PAGES}


def filled(page: str, folder: Path) -> str:
    """Return a page with its pictures and tables as the figures say."""

    def write(match: re.Match[str]) -> str:
        begin, kind, name, table, end = match.groups()
        if kind == "picture":
            return f"{begin}{embedded(name, os.path.relpath(PICTURES, folder))}\n{end}"
        kept = read(name)
        if table == "conditions":
            return f"{begin}{describe(kept)}\n{end}"
        head, *rows = read_table(name, table).cells()
        title = kept["tables"][table]["title"]
        return f"{begin}\n{title}:\n\n{markdown_table(head, rows)}\n\n{end}"

    return MARKED.sub(write, page)


def embedded(name: str, folder: str) -> str:
    """Return a picture for light and for dark pages, in the form that GitHub understands."""
    picture = DRAWN[name]()
    words = escape(f"{picture.title}: {'. '.join(picture.facts)}", quote=True)
    source = f"{folder}/{name}"
    dark = f'<source media="(prefers-color-scheme: dark)" srcset="{source}-dark.svg">'
    return f'<picture>{dark}<img alt="{words}" src="{source}-light.svg"></picture>'


def describe(kept: Mapping[str, Any]) -> str:
    """Return when, where and with what figures were taken."""
    conditions = kept["conditions"]
    dates = sorted({table["date"] for table in kept["tables"].values()})
    packages = (f"{name} {version}" for name, version in conditions["versions"].items())
    where = f"{conditions['machine']}, Python {conditions['python']}"
    return f"Taken on {' and '.join(dates)}, on {where}, with {', '.join(packages)}."


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for path, text in outputs().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
