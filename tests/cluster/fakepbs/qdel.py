"""qdel: ends a job, an array, or one member."""

import argparse
import sys

import site_model as site


def main():
    site.check_access("qdel")
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-W")
    parser.add_argument("ids", nargs="+")
    options = parser.parse_args()
    status = 0
    for job_id in options.ids:
        record = site.read(site.number_of(job_id))
        if record is None:
            print(f"qdel: Unknown Job Id {job_id}", file=sys.stderr)
            status = 153
        elif record["state"] == "F":
            print(f"qdel: Job has finished {job_id}", file=sys.stderr)
            status = 35
        else:
            index = job_id.partition("[")[2].partition("]")[0]
            site.request(
                record["number"],
                what="delete",
                index=int(index) if index else None,
                force=options.W == "force",
            )
    raise SystemExit(status)
