# SPDX-License-Identifier: Apache-2.0
"""One update of python-tuf's client, and targets.

usage: tuf_client.py URL DIRECTORY ROOT TARGET...

DIRECTORY keeps metadata and targets between calls; ROOT is the first root it trusts. Prints the
paths of the targets. Ends with 1 and the name of the exception when the client refuses.
"""

import os
import sys

from tuf.ngclient import Updater


def main(url: str, directory: str, root: str, *names: str) -> None:
    metadata = os.path.join(directory, "tuf_metadata")
    targets = os.path.join(directory, "tuf_download")
    for path in (metadata, targets):
        os.makedirs(path, exist_ok=True)
    known = os.path.exists(os.path.join(metadata, "root.json"))
    with open(root, "rb") as file:
        bootstrap = None if known else file.read()
    updater = Updater(metadata, url, targets, f"{url}/targets/", bootstrap=bootstrap)
    updater.refresh()
    for name in names:
        info = updater.get_targetinfo(name)
        if info is None:
            raise LookupError(f"no target {name}")
        print(updater.find_cached_target(info) or updater.download_target(info))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # The name is what the tests compare.
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
