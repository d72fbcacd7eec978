"""Who offered a name that is offered no more, and what to do to have it back."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution


def missing_package(owner: str) -> str:
    """The distribution of an owner (``distribution:entry point``) that is not installed; empty for any other owner."""
    package, colon, point = owner.partition(":")
    if not colon or not point or not package.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return ""
    try:
        distribution(package)
    except PackageNotFoundError:
        return package
    return ""


def to_have_again(owner: str, file: str | None = None) -> str:
    """What to do for a component whose plugin is gone, to be put behind a message.

    Args:
        owner: as the catalog named it then: ``distribution:entry point``, or a single file's path.
        file: the copy that the results folder keeps of a single file.
    """
    if file is not None:
        return f"; it was of a single file: give that with -p, or its copy {file}"
    package = missing_package(owner)
    if package:
        return f"; it was of the package '{package}', which is not installed: pip install {package}"
    return f"; it was of {owner}, which does not offer it any more"
