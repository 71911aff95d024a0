"""The explorer's latency: from a slider to the painted image, in headless Chromium, and the time to open a run.

python -m benchmarks.explorer prints both, with their conditions; --run RUN measures the moves on a run of yours. The
networks are those of the paper for MNIST and for faces, at full width and after one step of training on random images:
weights do not change the time. Latencies are wall-clock times from the slider's event to the first animation frame
after the image is drawn, one move at a time. The CPU time of the server's process shows what a busy machine adds. The
drafts shown meanwhile are compared with the exact images for random states.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import sync_playwright

from eccentric.data import from_arrays
from eccentric.explorer import InlinePage, Scene
from eccentric.explorer.drafts import quick_decoder
from eccentric.explorer.states import latents_of
from eccentric.runs import Run
from eccentric.runs.checksums import write_checksums
from eccentric.runs.latents import Latents, write_latents
from eccentric.runs.names import LATENTS
from eccentric.training import TrainConfig, train

NETWORKS = {"mnist": ((1, 28, 28), 8), "celeba": ((3, 64, 64), 64)}
MOVES, UNTIMED, STATES = 200, 20, 50
MEASURE = """async ([moves, untimed]) => {
    const slider = document.getElementById('slider-0'), times = [];
    for (let i = 0; i < moves + untimed; i++) {
        const begun = performance.now();
        await new Promise((resolve) => {
            document.addEventListener('decoded', () => requestAnimationFrame(resolve), { once: true });
            slider.value = 3 * Math.sin(i / 7 + 0.1);
            slider.dispatchEvent(new Event('input'));
        });
        if (i >= untimed) times.push(performance.now() - begun);
    }
    return times;
}"""


def make_run(folder: Path, name: str) -> Run:
    shape, dim = NETWORKS[name]
    images = np.random.default_rng(0).integers(0, 256, (40, *shape), dtype=np.uint8)
    config = TrainConfig(architecture=name, dim=dim, epochs=1, batch_size=32, device="cpu")
    return train(from_arrays(images), config, folder / name)


def latency(run: Run) -> tuple[np.ndarray, float]:
    """Milliseconds for each move, and CPU milliseconds of this process per move."""
    with sync_playwright() as playwright, closing(InlinePage(run)) as served:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(served.address)
        page.wait_for_selector("#test button")
        begun = time.process_time()
        times = np.array(page.evaluate(MEASURE, [MOVES, UNTIMED]))
        spent = (time.process_time() - begun) / (MOVES + UNTIMED)
        browser.close()
    return times, 1000 * spent


@torch.no_grad()
def difference(run: Run) -> tuple[float, float]:
    """Root mean square and maximum of the difference between drafts and exact images, in the units of the data."""
    model, components = run.model(), run.components
    states = torch.randn(STATES, 1, len(components.eigenvalues), generator=torch.Generator().manual_seed(1))
    quick = quick_decoder(model, components, states[0])
    errors = torch.cat([quick(state) - model.decode(latents_of(components, state.numpy())) for state in states])
    return float(errors.square().mean().sqrt()), float(errors.abs().max())


def print_latency(name: str, run: Run) -> None:
    times, spent = latency(run)
    median, high = np.percentile(times, (50, 95))
    typical, largest = difference(run)
    print(
        f"{name}: slider to painted image {median:.0f} ms median, {high:.0f} ms at the 95th percentile of {MOVES} "
        f"moves; {spent:.1f} ms of the server's CPU time per move; drafts differ from exact images by {typical:.2g} "
        f"(root mean square), at most {largest:.2g}"
    )


def with_many_items(run: Run, count: int) -> Run:
    """The run with `count` encoded test items of ten labels."""
    random = np.random.default_rng(0)
    items = {
        split: Latents(
            p=random.normal(size=(n, len(run.components.eigenvalues))).astype(np.float32),
            labels=random.integers(0, 10, n).astype(str),
            rows=np.arange(n),
        )
        for split, n in (("train", 1000), ("test", count))
    }
    write_latents(run.path / LATENTS, items)
    write_checksums(run.path)
    return Run(run.path)


def opening(run: Run) -> tuple[float, float]:
    """Seconds to open the run, and from the address to a page whose points are drawn."""
    begun = time.perf_counter()
    Scene(Run(run.path))
    scene = time.perf_counter() - begun
    with sync_playwright() as playwright, closing(InlinePage(run)) as served:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        begun = time.perf_counter()
        page.goto(served.address)
        page.wait_for_selector("main[aria-busy=false]")
        shown = time.perf_counter() - begun
        browser.close()
    return scene, shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=100_000, help="encoded test items of the run that is opened")
    parser.add_argument("--run", help="measure the moves on this run of images")
    given = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"{os.cpu_count()} cores ({platform.machine()}), PyTorch {torch.__version__} with {torch.get_num_threads()} "
        f"threads, load average {load:.1f} before the start"
    )
    if given.run:
        print_latency(given.run, Run(given.run))
        return
    with tempfile.TemporaryDirectory() as folder:
        runs = {name: make_run(Path(folder), name) for name in NETWORKS}
        for name, run in runs.items():
            print_latency(name, run)
        scene, shown = opening(with_many_items(runs["mnist"], given.items))
        print(f"{given.items:,} encoded items: run opened in {scene:.2f} s, page shown in {shown:.2f} s")
    print(f"load average {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else "")


if __name__ == "__main__":
    main()
