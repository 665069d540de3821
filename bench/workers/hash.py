# SPDX-License-Identifier: Apache-2.0
# Hashes files with hashlib on two threads, which run beside each other: hash.py FILE…
import hashlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

CHUNK = 1 << 20


def digest(path):
    engine = hashlib.sha256()
    block = bytearray(CHUNK)
    view = memoryview(block)
    with open(path, "rb", buffering=0) as file:
        while length := file.readinto(block):
            engine.update(view[:length])
    return engine.hexdigest()


started = time.perf_counter()
with ThreadPoolExecutor(2) as pool:
    digests = list(pool.map(digest, sys.argv[1:]))
print(json.dumps({"millis": (time.perf_counter() - started) * 1000, "digests": digests}))
