"""Build the package and check it as a user gets it: `make package`.

The sdist is built first and the wheel from the sdist. The wheel is then installed into two new environments:

- "core", with the packages that the wheel requires (torch, numpy, scipy) and what these require;
- "train", with those of the extra `train` as well.

Each environment holds exactly the packages that the wheel's own metadata ask for. They are hard links to those
installed beside this interpreter, so that PyTorch is neither downloaded nor copied again. pip then installs the wheel
without an index, which fails if the metadata ask for anything that is missing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, PathDistribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
IN_WHEEL = ("eccentric/py.typed", "eccentric/report/report.html.j2", "eccentric/explorer/page/index.html")
IN_SDIST = ("LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "tests/test_loss.py", "src/eccentric/loss.py")
USE = """
import sys, torch, eccentric
z = torch.randn(64, 4, requires_grad=True)
eccentric.EccentricLoss()(z).backward()
eccentric.DeepComponents().fit(z)
extra = {name.partition('.')[0] for name in sys.modules} & {'sklearn', 'pandas', 'matplotlib', 'PIL', 'datasets'}
assert not extra, extra
assert z.grad.isfinite().all() and 'site-packages' in eccentric.__file__, eccentric.__file__
print(eccentric.__version__)
"""


def build(out: Path) -> tuple[Path, Path]:
    """The wheel and the sdist, new in `out`."""
    shutil.rmtree(out, ignore_errors=True)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT))
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


def check_contents(wheel: Path, sdist: Path) -> None:
    """Fail unless both archives hold what they must, and the wheel nothing but the package."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    missing = [name for name in IN_WHEEL if name not in names]
    foreign = [name for name in names if not name.startswith(("eccentric/", "eccentric-"))]
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    missing += [name for name in IN_SDIST if name not in inside]
    if missing or foreign:
        sys.exit(f"the archives lack {missing} and hold {foreign}")


def required(wheel: Path, extra: str) -> dict[str, Distribution]:
    """The installed packages that the wheel requires, and those that they require in turn, by name."""
    found: dict[str, Distribution] = {}
    with zipfile.ZipFile(wheel) as archive:
        folder = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        own = PathDistribution(zipfile.Path(archive, folder.removesuffix("METADATA")))
        waiting: list[tuple[Distribution, str]] = [(own, extra)]
        while waiting:
            package, wanted = waiting.pop()
            for line in package.requires or ():
                requirement = Requirement(line)
                if requirement.marker is not None and not requirement.marker.evaluate({"extra": wanted}):
                    continue
                name = canonicalize_name(requirement.name)
                for further in requirement.extras or {""}:
                    if name not in found or further:
                        try:
                            found[name] = distribution(name)
                        except PackageNotFoundError:
                            sys.exit(f"{package.metadata['Name']} requires {line}, which is not installed here")
                        waiting.append((found[name], further))
    return found


def environment(folder: Path, packages: dict[str, Distribution]) -> Path:
    """A new virtual environment with links to those packages. Returns its interpreter."""
    venv.create(folder, clear=True, with_pip=True)
    python = folder / "bin" / "python"
    there = run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    for package in packages.values():
        for file in package.files or ():
            source, target = Path(str(package.locate_file(file))), Path(there) / file
            if ".." in file.parts or not source.is_file():  # scripts lie outside of site-packages
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except FileExistsError:
                pass
            except OSError:  # another disk
                shutil.copy2(source, target)
    return python


def run(*command: str, fails: bool = False, cwd: Path | None = None) -> str:
    """What a command prints. It must succeed, or fail if that is expected."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MYPY"))}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd, env=clean)
    if (done.returncode != 0) is not fails:
        sys.exit(f"{' '.join(command)} ended with status {done.returncode}\n{done.stdout}{done.stderr}")
    return (done.stdout + done.stderr).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the wheel and the sdist")
    parser.add_argument("--environments", type=Path, default=ROOT / ".venv-package", help="folder for environments")
    options = parser.parse_args()
    wheel, sdist = build(options.out)
    check_contents(wheel, sdist)

    core = environment(options.environments / "core", required(wheel, ""))
    run(str(core), "-m", "pip", "install", "--no-index", str(wheel))
    version = run(str(core), "-c", USE)
    assert wheel.name.startswith(f"eccentric-{version}-"), (wheel.name, version)
    said = run(str(core), "-m", "eccentric", "--help", fails=True)
    assert "extra 'train'" in said, said
    print(f"{wheel.name}: core installs, with torch, numpy and scipy")

    train = environment(options.environments / "train", required(wheel, "train"))
    run(str(train), "-m", "pip", "install", "--no-index", f"{wheel}[train]")
    out = options.environments / "run"
    run(str(train.parent / "eccentric"), "train", "digits", "--out", str(out), "--epochs", "1", "--overwrite")
    assert (out / "report.html").is_file()
    print(f"{wheel.name}[train]: trained digits for an epoch and wrote the report")

    user = ROOT / "tests" / "package" / "user.py"
    cache = options.environments / "mypy"
    types = ["--strict", "--config-file=", f"--python-executable={train}", f"--cache-dir={cache}"]
    print(run(sys.executable, "-m", "mypy", *types, user.name, cwd=user.parent))
    for archive in (wheel, sdist):
        print(f"{archive.stat().st_size / 1e6:.1f} MB  {archive}")


if __name__ == "__main__":
    main()
