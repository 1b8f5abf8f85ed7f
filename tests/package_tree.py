"""Lays the project's folders out as the one package that tools without an import system can read."""

from pathlib import Path

ROOT = Path(__file__).parent.parent


def lay_out(folder: Path) -> Path:
    """Make `folder/seedless`, links to the sources, and return `folder`."""
    package = folder / "seedless"
    package.mkdir()
    for source in (ROOT / "programs").iterdir():
        if source.name != "__pycache__":
            (package / source.name).symlink_to(source)
    for name in ("evals", "signatures"):
        (package / name).symlink_to(ROOT / name)
    return folder
