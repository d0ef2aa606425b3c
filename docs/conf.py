"""
Sphinx's configuration: the narrative here, the API reference by pydoctor.

Nothing is fetched from the network: what links to other projects' pages need is
made by L{inventory}.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

# The types are checked where the documentation is not built, too.
from sphinx.directives.code import (  # type: ignore[import-not-found,unused-ignore]
    CodeBlock,
)

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import inventory  # noqa: E402  # it lives beside this file

PACKAGE = HERE.parent / "txrocketmq"
INVENTORIES = tempfile.TemporaryDirectory(prefix="txrocketmq-docs-")

project = "txrocketmq"
author = "The txrocketmq contributors"
copyright = author
release = version = (PACKAGE / "_version.py").read_text().split('"')[-2]

extensions = ["sphinx.ext.intersphinx", "pydoctor.sphinx_ext.build_apidocs"]
exclude_patterns = ["_build", "newsfragments"]
nitpicky = True

html_theme = "furo"
html_title = f"txrocketmq {release}"

# So that :py:class:`txrocketmq.producer.Producer` links to the API reference; its
# inventory is the file that pydoctor has just made.
pydoctor_url_path = "api"
pydoctor_args = [
    "--project-name=txrocketmq",
    f"--project-version={release}",
    f"--project-base-dir={PACKAGE.parent}",
    "--project-url=../index.html",
    "--docformat=epytext",
    "--theme=readthedocs",
    # pydoctor reads the regular expressions it shows, and does not know Python
    # 3.11's possessive quantifiers.
    "--privacy=HIDDEN:txrocketmq._wire.jsonbody._KEY",
    "--html-output={outdir}/api",
    *(
        f"--intersphinx-file={file}::{url}"
        for file, url in inventory.write(PACKAGE, Path(INVENTORIES.name))
    ),
    str(PACKAGE),
]


def setup(app: Any) -> None:
    """
    Have Sphinx's own code blocks, once pydoctor has run: it puts in their place
    ones that know Python only, and no captions.
    """
    app.connect("builder-inited", _restoreCodeBlocks, priority=900)


def _restoreCodeBlocks(app: Any) -> None:
    """
    Take pydoctor's directives back.
    """
    for name in ("code", "code-block"):
        app.add_directive(name, CodeBlock, override=True)
