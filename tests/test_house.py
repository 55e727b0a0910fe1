# SPDX-License-Identifier: Apache-2.0
"""The laws of the house: floors, purity, sizes, one library one room. Never runs product code in this process."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dlpmilter"

# A room imports only from lines above its own; rooms on one line never import each other.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"model"}),
    frozenset({"settings"}),
    frozenset({"config", "metrics", "maillog", "spill"}),
    frozenset({"policy", "mime", "storage"}),
    frozenset({"detect", "registers"}),
    frozenset({"engine", "actions", "audit", "notices", "relay", "content"}),
    frozenset({"facts"}),
    frozenset({"holds"}),
    frozenset({"privacy"}),
    frozenset({"pipeline", "simulate"}),
    frozenset({"listeners", "portal"}),
    frozenset({"app"}),
    frozenset({"nursery"}),
    frozenset({"supervisor"}),
    frozenset({"demo"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

PURE_ROOMS = {"model", "mime", "detect", "engine", "actions"}
IMPURE_MODULES = set(
    "asyncio concurrent ctypes fcntl http io logging mmap multiprocessing os pathlib random secrets select selectors "
    "shutil signal socket socketserver sqlite3 ssl subprocess sys tempfile threading time urllib uuid".split()
)
PURE_AFTER_ALL = {"urllib.parse"}
IMPURE_OURS = {"config", "metrics", "maillog", "spill", "storage"}
IMPURE_CALLS = {"open", "print", "input", "eval", "exec", "compile", "__import__"}
IMPURE_METHODS = {"now", "utcnow", "today"}

# Third-party library -> the rooms (or modules) that may import it.
LIBRARY_ROOMS = {
    "aiosmtpd": {"listeners"},
    "alembic": {"storage"},
    "argon2": {"portal"},
    "click": {"cli"},
    "compressed_rtf": {"content"},
    "cryptography": {"storage", "audit.notes"},  # the verifier checks signatures without the product
    "dkim": {"mime"},
    "dns": {"facts"},
    "httpx2": {"portal"},
    "idna": {"policy"},
    "jinja2": {"notices", "portal"},
    "joserfc": {"portal"},
    "ldap3": {"facts"},
    "libarchive": {"content"},
    "lxml": {"content"},
    "msoffcrypto": {"content"},
    "nh3": {"content"},
    "phonenumbers": {"detect"},
    "prometheus_client": {"metrics", "listeners.monitoring"},
    "pydantic": {"config", "settings", "policy"},
    "pypdfium2": {"content"},
    "pyotp": {"portal"},
    "pyseccomp": {"content"},
    "python_calamine": {"content"},
    "python_multipart": {"portal"},
    "re2": {"detect"},
    "rich": {"cli"},
    "segno": {"portal"},
    "selectolax": {"content"},
    "sqlalchemy": {"storage"},
    "starlette": {"portal"},
    "stdnum": {"detect"},
    "tldextract": {"policy"},
    "tnefparse": {"content"},
    "typst": {"privacy"},
    "uvicorn": {"portal"},
    "uvloop": {"app"},
}
# The library behind a distribution, where the names differ.
IMPORT_NAME = {
    "argon2-cffi": "argon2",
    "compressed-rtf": "compressed_rtf",
    "dkimpy": "dkim",
    "dnspython": "dns",
    "google-re2": "re2",
    "libarchive-c": "libarchive",
    "msoffcrypto-tool": "msoffcrypto",
    "phonenumberslite": "phonenumbers",
    "prometheus-client": "prometheus_client",
    "python-calamine": "python_calamine",
    "python-multipart": "python_multipart",
    "python-stdnum": "stdnum",
}


@dataclass(frozen=True)
class Import:
    """One imported name: where it stands and whether it exists at run time."""

    importer: str
    target: str
    line: int
    typing_only: bool


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name below dlpmilter; "" is the package itself."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


@cache
def imports() -> tuple[Import, ...]:
    """All imports, those inside functions and those for type checkers too."""
    return tuple(each for name, tree in modules().items() for each in _imports_of(name, tree))


def _imports_of(name: str, tree: ast.Module) -> list[Import]:
    for_typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        for statement in node.body
        for inner in ast.walk(statement)
    }
    found = []
    for node in ast.walk(tree):
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno}: relative imports hide the floor they come from"
            targets = [_module_or_name(str(node.module), alias.name) for alias in node.names]
        found += [Import(name, target, getattr(node, "lineno", 0), id(node) in for_typing) for target in targets]
    return found


def _module_or_name(module: str, name: str) -> str:
    """`from dlpmilter import metrics` means the module, `from dlpmilter.config import Config` means config."""
    inner = f"{module}.{name}".removeprefix("dlpmilter.")
    return f"{module}.{name}" if module.startswith("dlpmilter") and inner in modules() else module


def room(module: str) -> str:
    """The first word of a module's name: its room."""
    return module.partition(".")[0]


def ours(target: str) -> str | None:
    """The name below dlpmilter, None for a foreign module; the package itself is ""."""
    if target == "dlpmilter":
        return ""
    return target.removeprefix("dlpmilter.") if target.startswith("dlpmilter.") else None


def test_every_room_stands_on_a_floor() -> None:
    """A new room is put on a floor before anything imports it."""
    assert sorted({room(name) for name in modules() if name} - FLOOR_OF.keys()) == []


def test_rooms_import_only_from_floors_below() -> None:
    """An import, even a lazy one or one for types, goes down or stays in its room."""
    wrong = []
    for each in imports():
        target = ours(each.target)
        if not target or not each.importer or room(target) == room(each.importer):
            continue
        if FLOOR_OF[room(target)] >= FLOOR_OF[room(each.importer)]:
            wrong.append(f"{each.importer}:{each.line} imports {target}")
    assert not wrong, "\n".join(wrong)


def test_modules_import_each_other_in_no_circle() -> None:
    """At run time the modules form a graph without cycles, lazy imports counted."""
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for each in imports():
        target = ours(each.target)
        if target is not None and not each.typing_only and target in graph and target != each.importer:
            graph[each.importer].add(target)
    assert _cycle(graph) == []


def _cycle(graph: dict[str, set[str]]) -> list[str]:
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for each in sorted(graph[node]):
            if found := visit(each, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := visit(node, []))), [])


def test_pure_rooms_touch_nothing_outside() -> None:
    """The pure rooms have no clock, chance, disk, socket or event loop, so a verdict can be replayed."""
    wrong = [
        f"{each.importer}:{each.line} imports {each.target}"
        for each in imports()
        if room(each.importer) in PURE_ROOMS
        and not each.typing_only
        and each.target not in PURE_AFTER_ALL
        and (room(each.target) in IMPURE_MODULES or room(ours(each.target) or "") in IMPURE_OURS)
    ]
    for name, tree in modules().items():
        if room(name) in PURE_ROOMS:
            wrong += [f"{name}:{node.lineno} calls {ast.unparse(node.func)}" for node in _impure_calls(tree)]
    assert not wrong, "\n".join(wrong)


def _impure_calls(tree: ast.Module) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS)
            or (
                isinstance(node.func, ast.Attribute)
                and node.func.attr in IMPURE_METHODS
                and ast.unparse(node.func.value) in {"datetime", "date", "datetime.datetime", "datetime.date"}
            )
        )
    ]


def test_one_library_one_room() -> None:
    """A library is imported by the room it belongs to; a type alone may be named anywhere."""
    wrong = []
    for each in imports():
        top = room(each.target)
        if ours(each.target) is not None or top in sys.stdlib_module_names or each.typing_only:
            continue
        if not LIBRARY_ROOMS.get(top, set()) & {room(each.importer), each.importer}:
            wrong.append(f"{each.importer}:{each.line} imports {each.target}")
    assert not wrong, "\n".join(wrong)


def test_only_the_connection_is_named_outside_its_room() -> None:
    """Types of a library do not leak out of its room, but for SQLAlchemy's Connection."""
    wrong = []
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and room(str(node.module)) == "sqlalchemy" and room(name) != "storage":
                wrong += [f"{name}: {alias.name}" for alias in node.names if alias.name != "Connection"]
    assert not wrong, "\n".join(wrong)


def test_every_dependency_is_imported() -> None:
    """pyproject.toml lists what the package imports, nothing more."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[<>=;\[ ]", each, maxsplit=1)[0] for each in project["dependencies"]]
    listed = {IMPORT_NAME.get(name, name) for name in names}
    imported = {room(each.target) for each in imports() if not each.typing_only}
    assert sorted(listed - imported) == []
    optional = {"ldap3", "typst"}  # extras, imported lazily
    assert sorted(listed ^ (LIBRARY_ROOMS.keys() - optional)) == []


def test_files_and_functions_stay_small() -> None:
    """No file above 400 lines, no function above 60."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        lines = source.count("\n")
        where = path.relative_to(ROOT)
        if lines > 400:
            wrong.append(f"{where}: {lines} lines")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > 60 and path.parent.name != "versions":  # a migration is one long table
                    wrong.append(f"{where}: {node.name} has {length} lines")
    assert not wrong, "\n".join(wrong)


def test_every_module_says_what_it_never_does() -> None:
    """Each file names its licence; each module opens with what it does and what it never does."""
    wrong = []
    for path in sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]):
        source = path.read_text(encoding="utf-8")
        where = path.relative_to(ROOT)
        if not source.startswith("# SPDX-License-Identifier: Apache-2.0\n"):
            wrong.append(f"{where}: no SPDX line first")
        docstring = ast.get_docstring(ast.parse(source)) or ""
        if path.name != "__init__.py" and path.is_relative_to(PACKAGE) and "never" not in docstring.lower():
            wrong.append(f"{where}: the module docstring does not say what it never does")
    assert not wrong, "\n".join(wrong)


def test_every_test_says_what_it_shows() -> None:
    """Each test function carries a sentence about behaviour."""
    wrong = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not ast.get_docstring(node):
                wrong += [f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] * node.name.startswith("test_")
    assert not wrong, "\n".join(wrong)


def test_the_command_line_starts_without_heavy_libraries() -> None:
    """Importing the command line loads click and nothing else from outside, so that it starts at once."""
    code = "import sys, dlpmilter.cli.main; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted((LIBRARY_ROOMS.keys() - {"click"}) & set(done.stdout.split())) == []


def test_no_file_names_a_machine_or_a_package_index() -> None:
    """What is committed works anywhere: no path of one machine, no address of a package index."""
    pattern = re.compile(r"(?<![\w.])/(?:work|farm|root)/|index-url|--find-links|\"resolved\":|/simple/|pypi\.org/")
    this = Path(__file__).name
    wrong = []
    for path in _committed_files():
        if path.name == this:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        wrong += [f"{path.relative_to(ROOT)}: {match.group()}" for match in pattern.finditer(text)]
    assert not wrong, "\n".join(wrong)


def _committed_files() -> list[Path]:
    """The files of the project itself, wherever it lies: no environment, cache or build product."""
    hidden = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "dist"}
    return [
        path
        for path in sorted(ROOT.rglob("*"))
        if path.is_file() and not hidden & set(path.relative_to(ROOT).parts) and path.suffix != ".pyc"
    ]


def test_the_top_level_is_as_drawn() -> None:
    """A new file or folder at the top level is a decision, not an accident."""
    allowed = set(
        ".ci .gitignore CHANGELOG.md LICENSE Makefile README.md SECURITY.md deploy dlpmilter policies pyproject.toml "
        "tests".split()
    )
    assert {path.relative_to(ROOT).parts[0] for path in _committed_files()} - allowed == set()


def test_the_locks_hold_every_dependency_with_hashes() -> None:
    """Each requirement of pyproject.toml is pinned in its lock, and each pin has a hash."""
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = project["project"]["dependencies"]
    wanted = {
        "requirements.lock": runtime,
        "requirements-dev.lock": runtime + project["project"]["optional-dependencies"]["dev"],
        "requirements-build.lock": project["dependency-groups"]["build"],
    }
    pins: dict[str, dict[str, str]] = {}
    for lock, requirements in wanted.items():
        text = (ROOT / "deploy" / lock).read_text(encoding="utf-8")
        entries = re.findall(
            r"^([a-z0-9._-]+)==(\S+)[^\n]*\\\n((?:\s+--hash=sha256:[0-9a-f]{64}[^\n]*\n)+)", text, re.MULTILINE
        )
        assert len(entries) == len(re.findall(r"^[a-z]", text, re.MULTILINE)), f"{lock}: a line without a hash"
        pins[lock] = {name: version for name, version, _ in entries}
        for each in map(Requirement, requirements):
            assert each.specifier.contains(pins[lock][each.name]), f"{lock}: {each.name}"
    developed = pins["requirements-dev.lock"]
    assert pins["requirements.lock"].items() <= developed.items()
    assert {name: developed.get(name, pin) for name, pin in pins["requirements-build.lock"].items()} == pins[
        "requirements-build.lock"
    ]
