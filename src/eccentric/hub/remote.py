"""Upload of run folders to the Hugging Face Hub, and download from it."""

from __future__ import annotations

import os
import re
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eccentric._version import __version__
from eccentric.errors import EccentricError, UsageError
from eccentric.hub.card import model_card
from eccentric.runs.names import CHECKSUMS, CONFIG, FIGURES, METRICS, PICTURES, REPORT, RESULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eccentric.runs import Run

__all__ = ["check_repository", "fetch", "push"]

CARD = "README.md"
FILES = (CONFIG, METRICS, CHECKSUMS, *RESULTS, REPORT, *(f"{FIGURES}/{name}.png" for name in PICTURES))
"""Files that are uploaded and downloaded. Checkpoints, the only pickles in a run folder, are excluded."""


def check_repository(repository: str, token: str | None = None) -> None:
    """Check before the training whether a push can succeed: the name is a hub id, and the hub accepts the token.

    Raises:
        UsageError: the name is not a hub id.
        EccentricError: there is no token, the hub rejects it, or the hub cannot be reached.
    """
    from huggingface_hub import HfApi

    with _one_line(repository):
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
            raise UsageError(f"{repository!r} is not a hub id; write it as NAME/REPOSITORY")
        HfApi(token=token, library_name="eccentric", library_version=__version__).whoami()


def push(run: Run, repository: str, *, private: bool | None = None, token: str | None = None) -> str:
    """Upload a run folder with a model card to a model repository on the hub, in one commit.

    The upload contains configuration, metrics, weights and components as safetensors, the encodings, a few test items,
    the report and its figures, but no checkpoints.

    Args:
        run: an opened run folder whose training is complete. Write its report first, because the card shows its
            figures.
        repository: hub id, "NAME/REPOSITORY"; created if it does not exist.
        private: whether a new repository is private; None uses the default of the account.
        token: hub token; by default the one saved by `hf auth login`, or $HF_TOKEN.

    Returns:
        The address of the repository.

    Raises:
        UsageError: the name is not a hub id.
        EccentricError: the run is incomplete or damaged, or the hub rejects the upload or cannot be reached.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    run.must_have_ended()
    card = model_card(run, repository)
    files = [name for name in FILES if (run.path / name).is_file()]
    operations = [CommitOperationAdd(CARD, card.encode())]
    operations += [CommitOperationAdd(name, str(run.path / name)) for name in files]
    api = HfApi(token=token, library_name="eccentric", library_version=__version__)
    with _one_line(repository), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # on .parquet files in a model repository
        address = str(api.create_repo(repository, private=private, exist_ok=True))
        api.create_commit(repository, operations, commit_message=f"Run {run.path.resolve().name}")
    return address


def fetch(
    source: str | Path, *, revision: str | None = None, token: str | None = None, cache: str | Path | None = None
) -> Path:
    """Download a run from the hub and return its folder. The path of a local folder is returned unchanged.

    Only the files of a run are downloaded. None of them executes code when it is read.

    Args:
        source: hub id, "NAME/REPOSITORY", or a local run folder.
        revision: branch, tag or commit; the main branch by default.
        token: as for `push`; not required for public repositories.
        cache: folder for downloads; the cache of huggingface_hub by default.

    Raises:
        EccentricError: the folder or repository does not exist, or the hub cannot be reached.
    """
    if Path(source).is_dir():
        return Path(source)
    from huggingface_hub import snapshot_download

    name = os.fspath(source)
    with _one_line(name):
        folder = snapshot_download(
            name,
            revision=revision,
            token=token,
            cache_dir=cache,
            allow_patterns=list(FILES),
            library_name="eccentric",
            library_version=__version__,
        )
    assert isinstance(folder, str)
    if not (Path(folder) / CONFIG).is_file():
        raise EccentricError(f"the repository {name} contains no run, because it has no {CONFIG}")
    return Path(folder)


@contextmanager
def _one_line(repository: str) -> Iterator[None]:
    """Convert the exceptions of the hub to one line that says what to do."""
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    try:
        yield
    except HFValidationError as error:
        raise UsageError(f"{repository!r} is neither a local run folder nor a hub id: {_first(error)}") from None
    except LocalTokenNotFoundError:
        raise EccentricError("there is no token for the hub; run `hf auth login` or set HF_TOKEN") from None
    except RepositoryNotFoundError:
        raise EccentricError(
            f"the hub has no repository {repository}, or the token may not see it; check the name and the token"
        ) from None
    except (OfflineModeIsEnabled, LocalEntryNotFoundError, ConnectionError) as error:
        # Before the next class, which LocalEntryNotFoundError belongs to in old versions, without a response.
        raise EccentricError(f"the hub cannot be reached for {repository}: {_first(error)}") from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise EccentricError(
                f"the hub refuses the token for {repository} (status {status}); log in with one that may write there"
            ) from None
        raise EccentricError(f"the hub answered with status {status} for {repository}; try again later") from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("httpx", "httpx2", "requests"):
            raise
        raise EccentricError(f"the hub cannot be reached for {repository}: {_first(error)}") from None


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
