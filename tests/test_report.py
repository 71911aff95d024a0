"""The report: complete, self-contained, and true to the run it is drawn from."""

import base64
import html
import io
import json
import re
import shlex
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from eccentric import plots
from eccentric.data import from_arrays
from eccentric.errors import EccentricError, UsageError
from eccentric.report import write_report
from eccentric.training.config import TrainConfig
from eccentric.training.loop import Stop
from eccentric.training.run import Run
from eccentric.training.train import train

RNG = np.random.default_rng(0)
IMAGES = {"curves", "spectrum", "scatter", "eigenpairs", "reconstructions", "samples", "grid"}
TABLE = {"curves", "spectrum", "scatter", "effects", "feature-errors"}


class Page(HTMLParser):
    """Every tag with its attributes, and the text a reader sees."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._style = False
        self.feed(source)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._style = tag == "style"

    def handle_endtag(self, tag):
        self._style = False

    def handle_data(self, data):
        if not self._style:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def make(folder, x, labels=None, *, name="synthetic", dim=2, feature_names=None, source=None, stop=None, **settings):
    data = from_arrays(x, labels, name=name, feature_names=feature_names)
    config = TrainConfig(**{"dim": dim, "epochs": 2, "batch_size": 16, "device": "cpu"} | settings)
    return train(data, config, folder, source=source, stop=stop)


def pictures(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "images"
    return make(folder, pictures(60, 8, 8), ["cat", "dog"] * 30, dim=3).path


@pytest.fixture
def run(original, tmp_path):
    return Run(shutil.copytree(original, tmp_path / "run"))


def page(run: Run, **modules: nn.Module) -> Page:
    path = write_report(run, **modules)
    assert path == run.path / "report.html"
    return Page(path.read_text(encoding="utf-8"))


def edit(run: Run, name: str, **changes: object) -> Run:
    path = run.path / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return Run(run.path)


def with_eigenvalues(run: Run, values: list[float]) -> Run:
    components = run.components
    components._axes = torch.tensor(values, dtype=torch.float64), torch.eye(len(values), dtype=torch.float64)
    components.save(run.path / "components.safetensors")
    return Run(run.path)


@pytest.fixture
def words_only(monkeypatch):
    """Pictures are made but not drawn, which is what takes time."""
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG")
    monkeypatch.setattr(plots, "png", lambda figure: buffer.getvalue())


def assert_complete(run: Run, names: set[str]) -> Page:
    """Each figure lies in figures/ as a picture with something in it, and in the page, with a caption and a text."""
    written = page(run)
    files = list((run.path / "figures").iterdir())
    assert {file.name for file in files} == {f"{name}.png" for name in names}
    for file in files:
        with Image.open(file) as image:
            assert np.asarray(image.convert("L")).std() > 1, f"{file.name} is blank"
    assert len(written.all("img")) == len(written.all("figcaption")) == len(names)
    assert all(len(image["alt"] or "") > 10 for image in written.all("img"))
    assert "nan" not in written.text.split()
    return written


# --- every kind of run ----------------------------------------------------------------------------------------------


def test_images_with_labels(run):
    text = assert_complete(run, IMAGES).text
    trace = float(run.components.eigenvalues.sum())
    assert f"{trace:.2f}" in text
    assert "48 training and 12 test items" in text
    assert "p1 to p3" in text


@pytest.mark.parametrize(("dim", "N"), [(1, 2.0), (2, "paper"), (20, "exact")])
def test_dimensions(tmp_path, dim, N):
    run = make(tmp_path / "run", pictures(40, 8, 8), dim=dim, N=N, epochs=1)
    text = assert_complete(run, IMAGES if dim > 1 else IMAGES - {"grid"}).text
    assert ("circle has radius √2" in text) == (dim == 2)
    assert ("The first 16 of 20 components are shown" in text) == (dim == 20)
    assert "The data have no labels" in text


@pytest.mark.parametrize("shape", [(40, 12, 30, 3), (40, 40, 9)])
def test_colour_and_proportions(tmp_path, shape):
    run = make(tmp_path / "run", pictures(*shape), dim=2, epochs=1)
    assert_complete(run, IMAGES)


def test_table(tmp_path):
    x = RNG.normal(size=(80, 5)).astype(np.float32) * [1, 10, 100, 0.1, 0]
    names = ["a", "b", "<c>", "$d$", "constant"]
    text = assert_complete(make(tmp_path / "run", x, ["u", "v"] * 40, dim=3, feature_names=names), TABLE).text
    assert "rows of a table" in text
    assert "in standard deviations of the column" in text


def test_table_with_one_component(tmp_path):
    x = RNG.normal(size=(40, 3)).astype(np.float32)
    assert_complete(make(tmp_path / "run", x, dim=1, N=2.0), TABLE)


def test_one_row_of_metrics(tmp_path):
    run = make(tmp_path / "run", pictures(30, 8, 8), epochs=1)
    assert len(run.metrics["step"]) == 1
    assert "one row of measurements only" in assert_complete(run, IMAGES).text


@pytest.mark.usefixtures("words_only")
def test_modules_of_ones_own_must_be_given(tmp_path):
    encoder, decoder = nn.Linear(4, 2), nn.Linear(2, 4)
    data = from_arrays(RNG.normal(size=(40, 4)).astype(np.float32))
    config = TrainConfig(dim=2, epochs=1, device="cpu")
    run = train(data, config, tmp_path / "run", encoder=encoder, decoder=decoder, source={"source": "x.csv"})
    with pytest.raises(UsageError, match="modules of its own"):
        write_report(run)
    assert not (run.path / "report.html").exists()
    written = page(run, encoder=nn.Linear(4, 2), decoder=nn.Linear(2, 4))
    assert "To repeat it" not in written.text  # no command line can


@pytest.mark.usefixtures("words_only")
def test_a_stopped_run_says_so(tmp_path):
    stop = Stop()
    stop.asked = True
    run = make(tmp_path / "run", pictures(40, 8, 8), stop=stop)
    assert "This run was stopped after 1 steps." in page(run).text
    assert "This run was" not in page(edit(run, "config.json", status="finished")).text


# --- a file to send -------------------------------------------------------------------------------------------------


def test_nothing_is_loaded_from_elsewhere(run):
    source = write_report(run).read_text(encoding="utf-8")
    written = Page(source)
    assert all((image["src"] or "").startswith("data:image/png;base64,") for image in written.all("img"))
    assert {name for name, _ in written.tags}.isdisjoint({"script", "link", "iframe", "object", "embed", "base"})
    for _, attributes in written.tags:
        assert all(not name.startswith("on") for name in attributes)
        assert {"href", "srcset", "background", "poster"}.isdisjoint(attributes)
    assert "http:" not in source
    assert "https:" not in source
    assert "url(" not in source
    assert "@import" not in source


def test_pictures_have_their_size(run):
    for image in page(run).all("img"):
        data = (image["src"] or "").partition(",")[2]
        with Image.open(io.BytesIO(base64.b64decode(data))) as opened:
            assert opened.size == (int(image["width"] or 0), int(image["height"] or 0))


def test_the_same_run_gives_the_same_report(run):
    first = write_report(run).read_bytes()
    assert write_report(Run(run.path)).read_bytes() == first


def test_a_copied_folder_gives_the_same_report(run, tmp_path):
    first = write_report(run).read_bytes()
    copy = Run(shutil.copytree(run.path, tmp_path / "elsewhere"))
    assert write_report(copy).read_bytes() == first


@pytest.mark.usefixtures("words_only")
def test_text_from_the_data_is_escaped(tmp_path):
    hostile = "<script>alert(1)</script>"
    x = RNG.normal(size=(40, 3)).astype(np.float32) * [1, 1, 9]
    labels = [hostile, "<b>&amp;"] * 20
    run = make(tmp_path / "run", x, labels, name=hostile, feature_names=["<img src=x>", "b", "c"])
    data = run.config["data"] | {"notes": [f"note {hostile}"], "command": ["eccentric", "train", hostile]}
    run = edit(run, "config.json", data=data)
    source = write_report(run).read_text(encoding="utf-8")
    assert "<script" not in source
    assert "<img src=x" not in source
    assert source.count(html.escape(hostile)) >= 3
    assert f"Deep principal components of {hostile}" in Page(source).text


# --- true to the run ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("words_only")
@pytest.mark.parametrize(
    ("ours", "theirs", "says", "says_not"),
    [
        (0.1, 0.5, "nearest neighbours are wrong less often (10.0 % against 50.0 %)", "not lower than PCA's"),
        (0.5, 0.1, "nearest-neighbour error is not lower than PCA's (50.0 % against 10.0 %)", "less often"),
        (0.2, 0.2, "nearest-neighbour error is not lower than PCA's: both 20.0 %", "less often"),
    ],
)
def test_nearest_neighbours_either_way(run, ours, theirs, says, says_not):
    text = page(edit(run, "evaluation.json", neighbour_error=ours, pca_neighbour_error=theirs)).text
    assert text.count(says) == 2  # in the summary and beside the table
    assert says_not not in text


@pytest.mark.usefixtures("words_only")
def test_a_difference_within_chance_is_called_so(run):
    near = edit(run, "evaluation.json", neighbour_error=0.25, pca_neighbour_error=0.33)
    assert "a difference that chance could make with 12 test items" in page(near).text
    far = edit(run, "evaluation.json", neighbour_error=0.0, pca_neighbour_error=0.9)
    assert "chance" not in page(far).text


@pytest.mark.usefixtures("words_only")
@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        (0.010, 0.020, "the reconstruction error is 50 % lower than that of PCA"),
        (0.030, 0.020, "the reconstruction error is not lower but 50 % higher than that of PCA"),
        (0.080, 0.020, "the reconstruction error is not lower but 4.0 times that of PCA"),
        (0.020, 0.020, "the reconstruction error is about the same as that of PCA"),
        (0.020, 1e-15, "the reconstruction error is not lower than that of PCA"),
    ],
)
def test_reconstruction_either_way(run, ours, theirs, says):
    text = page(edit(run, "evaluation.json", test_reconstruction=ours, pca_test_reconstruction=theirs)).text
    assert text.count(says) == 1 + (says in text.partition("Beside PCA")[2])
    assert says in text
    assert "e-15" not in text


@pytest.mark.usefixtures("words_only")
@pytest.mark.parametrize(
    ("values", "says", "close"),
    [
        ([0.9, 0.4, 0.2], "1.50: 50.0 % below d = 3", False),
        ([3.0, 2.0, 1.0], "6.00: 100.0 % above d = 3", False),
        ([1.4, 1.0, 0.54], "2.94: 2.0 % below d = 3", True),
    ],
)
def test_trace_is_set_beside_d(run, values, says, close):
    text = page(with_eigenvalues(run, values)).text
    assert says in text
    assert ("it is not close" in text) != close


@pytest.mark.usefixtures("words_only")
def test_a_weight_of_zero_explains_the_trace(run):
    run = edit(with_eigenvalues(run, [9.0, 4.0, 2.0]), "config.json", train=run.config["train"] | {"weight": 0.0})
    assert "where the Eccentric loss pulls it; its weight was 0" in page(run).text


@pytest.mark.usefixtures("words_only")
def test_with_a_kernel_constant_of_ones_own_d_is_not_the_aim(run):
    text = page(
        edit(with_eigenvalues(run, [2.0, 1.5, 1.0]), "config.json", train=run.config["train"] | {"N": 4.5})
    ).text
    assert "4.50: 50.0 % above d = 3, to which the loss does not pull it, as N was given as a number" in text
    assert "pulls it towards" not in text


@pytest.mark.usefixtures("words_only")
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1.5, 1.47, 0.03], "1 of the 2 pairs of neighbours lies within 5 % of each other; p1 and p2 may trade places"),
        ([2.0, 0.7, 0.3], "No two neighbours lie within 5 % of each other"),
        ([2.0, 1.0, 0.001], "1 component hardly varies at all (below 0.01)"),
    ],
)
def test_close_and_idle_components_are_called_so(run, values, says):
    assert says in page(with_eigenvalues(run, values)).text


@pytest.mark.usefixtures("words_only")
def test_rising_test_error_is_told(run):
    path = run.path / "metrics.csv"
    header, *rows = path.read_text().splitlines()
    at = header.split(",").index("test_reconstruction")
    for i, row in enumerate(rows):
        cells = row.split(",")
        cells[at] = str(0.1 + 0.1 * i)
        rows[i] = ",".join(cells)
    path.write_text("\n".join([header, *rows]) + "\n")
    assert "after a lowest 0.100 at epoch 1" in page(Run(run.path)).text


# --- how to repeat it -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("words_only")
def test_the_command_repeats_the_run(tmp_path):
    """It parses to the very settings of the run, and to the options the data were loaded with."""
    source = {"source": "my data.csv", "label": "kind", "drop": ["a", "b"], "image_size": None, "test_fraction": 0.25}
    run = make(tmp_path / "run", pictures(40, 8, 8), source=source | {"seed": 3}, N=4.5, weight=1e-4, seed=7)
    pre = re.search(r"<pre>(.*?)</pre>", write_report(run).read_text(), re.DOTALL)
    assert pre is not None
    command = html.unescape(pre[1])
    assert all(len(line) < 80 for line in command.splitlines())

    typer = pytest.importorskip("typer")
    cli = pytest.importorskip("eccentric.cli")
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["eccentric", "train"]
    parser = typer.main.get_command(cli.app).commands["train"]
    given = parser.make_context("train", words[2:]).params
    for name in ("dim", "weight", "mu", "epochs", "batch_size", "learning_rate", "weight_decay", "seed", "device"):
        assert given[name] == run.config["train"][name], name
    assert float(given["kernel_constant"]) == 4.5
    assert (given["data"], given["label"], given["drop"]) == ("my data.csv", "kind", "a,b")
    assert (given["test_fraction"], given["split_seed"], given["image_size"]) == (0.25, 3, None)


@pytest.mark.usefixtures("words_only")
def test_without_a_source_there_is_no_command(run):
    assert "To repeat it" not in page(run).text


# --- what is missing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "metrics.csv",
        "model.safetensors",
        "components.safetensors",
        "latents.parquet",
        "evaluation.json",
        "examples.safetensors",
    ],
)
@pytest.mark.parametrize("damage", ["missing", "empty"])
def test_a_missing_or_empty_file_is_one_line_and_no_report(run, name, damage):
    if damage == "missing":
        (run.path / name).unlink()
    else:
        (run.path / name).write_bytes(b"")
    with pytest.raises(EccentricError) as error:
        write_report(Run(run.path))
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    assert not (run.path / "report.html").exists()
    assert not (run.path / "figures").exists()


def test_a_run_that_has_not_ended(run):
    with pytest.raises(EccentricError, match="has not ended"):
        write_report(edit(run, "config.json", status="training"))


@pytest.mark.usefixtures("words_only")
@pytest.mark.parametrize(("file", "key"), [("config.json", "items"), ("evaluation.json", "test_reconstruction")])
def test_a_missing_entry(run, file, key):
    path = run.path / file
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != key}))
    with pytest.raises(EccentricError, match=key):
        write_report(Run(run.path))


def test_a_missing_setting(run):
    settings = {name: value for name, value in run.config["train"].items() if name != "mu"}
    with pytest.raises(EccentricError, match=r"config\.json has no mu"):
        write_report(edit(run, "config.json", train=settings))


@pytest.mark.usefixtures("words_only")
def test_figures_that_cannot_be_written(run):
    (run.path / "figures").write_text("a file where the folder should be")
    with pytest.raises(EccentricError, match="figures"):
        write_report(run)
    assert not (run.path / "report.html").exists()
