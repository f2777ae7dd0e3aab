"""Files that nobody closes."""

import csv
import gzip
import os

out = os.environ["OUT"]
rows, packed = open(out + "/rows.csv", "w"), gzip.open(out + "/rows.gz", "wt", compresslevel=0)
writer = csv.writer(rows)
for i in range(10):
    writer.writerow((i, i * i))
    packed.write("line\n")
holder = {"nested": [open(out + "/nested", "w")]}
holder["nested"][0].write("kept")
