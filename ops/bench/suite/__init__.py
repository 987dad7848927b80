"""The benchmark. A server of it may run another checkout of the product, as BENCH_PRODUCT says."""

import os
import sys

if "BENCH_PRODUCT" in os.environ:
    sys.path.insert(0, os.environ["BENCH_PRODUCT"])
