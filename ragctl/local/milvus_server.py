"""Milvus Lite's server, mended where it differs from Milvus or keeps others waiting. Run with its own arguments."""

from milvus_lite.cmdline import main

from ragctl.local.milvus_bm25 import count_over_partitions, score_by_word
from ragctl.local.milvus_columns import read_less

if __name__ == "__main__":
    count_over_partitions()
    score_by_word()
    read_less()
    raise SystemExit(main())
