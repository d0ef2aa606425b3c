"""
The files of certificates that the pages name.
"""

from __future__ import annotations

from pathlib import Path

import trustme


def writePEM(directory: Path) -> None:
    """
    Write an authority's certificate, and a client's with its key.
    """
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    client = authority.issue_cert("client")
    client.private_key_and_cert_chain_pem.write_to_path(directory / "client.pem")
