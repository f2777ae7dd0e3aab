"""Files that nobody closes."""

import csv
import gzip
import io
import os

out = os.environ["OUT"]
rows = open(out + "/rows.csv", "w")
packed = io.TextIOWrapper(gzip.GzipFile(out + "/rows.gz", "w", mtime=0))
writer = csv.writer(rows)
for i in range(10):
    writer.writerow((i, i * i))
    packed.write("line\n")
holder = {"nested": [open(out + "/nested", "w")]}
holder["nested"][0].write("kept")
