"""What is said of a name whose plugin is gone: the package to install, or the file to give."""

from __future__ import annotations

import pytest

from ebmbench.catalog.owners import missing_package, to_have_again
from ebmbench.catalog.targets import load_target
from ebmbench.errors import UsageError

GONE = "ebmbench-long-gone:mine"


@pytest.mark.parametrize(
    ("owner", "package"),
    [
        (GONE, "ebmbench-long-gone"),
        ("pytest:mine", ""),
        ("ebmbench:c2_chosen_points", ""),
        ("somebody", ""),
        ("/a/mine.py", ""),
        ("no; rm -rf:mine", ""),
        (":mine", ""),
        ("?:mine", ""),
        ("", ""),
    ],
)
def test_only_a_distribution_that_is_not_installed_is_missing(owner: str, package: str) -> None:
    """No command is made of what is no name of a package."""
    assert missing_package(owner) == package


@pytest.mark.parametrize(
    ("owner", "file", "says"),
    [
        (GONE, None, "of the package 'ebmbench-long-gone', which is not installed: pip install ebmbench-long-gone"),
        ("pytest:mine", None, "of pytest:mine, which does not offer it any more"),
        ("mine.py", "plugins/0/mine.py", "of a single file: give that with -p, or its copy plugins/0/mine.py"),
    ],
)
def test_what_to_do_to_have_a_name_again(owner: str, file: str | None, says: str) -> None:
    assert to_have_again(owner, file) == f"; it was {says}"


def test_a_class_of_a_package_that_is_gone_names_the_package() -> None:
    with pytest.raises(UsageError, match="; the package 'ebmbench-long-gone' is not installed: pip install"):
        load_target("ebmbench_long_gone:Mine", GONE)
    with pytest.raises(UsageError) as raised:
        load_target("ebmbench_long_gone:Mine", "pytest:mine")
    assert "installed" not in str(raised.value)
