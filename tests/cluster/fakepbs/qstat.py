"""qstat: -x -f -t -F json, and the errors for jobs that ended or never were."""

import argparse
import json
import sys
import time
from pathlib import Path

import site_model as site


def main():
    parser = argparse.ArgumentParser(add_help=False)
    for flag in "xftQB":
        parser.add_argument(f"-{flag}", action="store_true")
    parser.add_argument("-F")
    parser.add_argument("ids", nargs="*")
    options = parser.parse_args()
    site.check_access("qstat -Q" if options.Q or options.B else "qstat")
    if options.B:
        print(json.dumps({"Server": {site.SERVER: {"default_queue": "default"}}}))
        return
    if options.Q:
        print(json.dumps({"Queue": describe_queues()}))
        return
    found, status = {}, 0
    for job_id in options.ids:
        record = site.read(site.number_of(job_id))
        if record is None or (wanted := select(record, job_id, options.t)) is None:
            print(f"qstat: Unknown Job Id {job_id}", file=sys.stderr)
            status = 153
        elif record["state"] == "F" and not options.x:
            print(
                f"qstat: {job_id} Job has finished, use -x or -H to obtain historical job information",
                file=sys.stderr,
            )
            status = 35
        else:
            found.update(wanted)
    show(found, options)
    raise SystemExit(status)


def select(record, job_id, members):
    """The records that an id means: a job, an array (with its members if they are asked for), a member."""
    if not record["array"]:
        return {f"{record['number']}.{site.SERVER}": describe(record, "0")}
    index = job_id.partition("[")[2].partition("]")[0]
    every = {f"{record['number']}[{one}].{site.SERVER}": describe(record, one) for one in record["members"]}
    if index:
        member = f"{record['number']}[{index}].{site.SERVER}"
        return {member: every[member]} if member in every else None
    return {f"{record['number']}[].{site.SERVER}": describe_array(record), **(every if members else {})}


def describe(record, index):
    """One member as PBS describes it."""
    member = record["members"][index]
    told = {**common(record), "job_state": member["state"], "run_count": member["run_count"]}
    told["Output_Path"] = f"{site.HOST}:{output_path(record)}"
    if not record["array"]:
        told["job_state"] = {"X": "F"}.get(member["state"], member["state"])
    elif member["state"] != "Q":
        told["array_index"] = int(index)
    if member["run_count"]:
        told["stime"] = time.ctime(member["stime"])
        told["exec_host"] = f"{member['node']}/{index}*{record['chunk'].get('ncpus', 1)}"
        used = {"mem": f"{member.get('mem', 0)}kb", "walltime": member.get("used", "00:00:00")}
        told["resources_used"] = used
    if "Exit_status" in member:
        told["Exit_status"] = member["Exit_status"]
    if member["state"] == "Q" and "comment" in record:
        told["comment"] = record["comment"]
    return told


def describe_queues():
    """One that passes jobs on, and for each limit one without and one with GPUs; those of others."""
    open_ = {"enabled": "True", "started": "True", "queue_type": "Execution"}
    found = {}
    for name, longest in site.settings()["queues"].items():
        limit = f"{longest // 3600:02}:{longest // 60 % 60:02}:{longest % 60:02}"
        found[name] = {**open_, "resources_max": {"ngpus": 0, "walltime": limit}}
        found[f"gpu_{name}"] = {
            **open_,
            "resources_max": {"walltime": limit},
            "resources_min": {"ngpus": 1},
        }
    others = {
        name: {**open_, "acl_user_enable": "True", "resources_max": {"walltime": "1000:00:00"}}
        for name in site.settings()["denied"]
    }
    routed = {**open_, "queue_type": "Route", "route_destinations": ",".join([*found, *others])}
    return {**found, **others, "default": routed}


def output_path(record):
    """As asked for, or by the job's name; a member's index is a pattern in it."""
    member = ".^array_index^" if record["array"] else ""
    asked = record["output"] or f"{record['name']}.o{record['number']}{member}"
    return str(Path(record["workdir"]) / asked) + "/" * asked.endswith("/")


def describe_array(record):
    states = [member["state"] for member in record["members"].values()]
    count = {"Queued": "Q", "Running": "R", "Exiting": "E", "Expired": "X"}
    told = {**common(record), "job_state": record["state"], "array": "True"}
    told["array_state_count"] = (
        " ".join(f"{name}:{states.count(letter)}" for name, letter in count.items()) + " "
    )
    return told


def common(record):
    return {
        "Job_Name": record["name"],
        "Job_Owner": f"{record['user']}@{site.HOST}",
        "queue": record["queue"],
        "Resource_List": {
            **record["resources"],
            "ncpus": int(record["chunk"].get("ncpus", 1)),
            **({"mem": record["chunk"]["mem"]} if "mem" in record["chunk"] else {}),
        },
        "Variable_List": {name: guess(value) for name, value in record["variables"].items()},
        "Submit_arguments": record["arguments"],
    }


def guess(value):
    """PBS writes what looks like a number as a number: 007 comes back as 7."""
    return int(value) if value.isdigit() else value


def show(found, options):
    if options.F == "json":
        answer = {"timestamp": int(time.time()), "pbs_version": "23.06.06", "pbs_server": site.SERVER}
        print(json.dumps({**answer, **({"Jobs": found} if found else {})}, indent=4))
        return
    for job_id, record in found.items():
        if options.f:
            print(f"Job Id: {job_id}")
            for name, value in record["Resource_List"].items():
                print(f"    Resource_List.{name} = {value}")
            continue
        print(f"{job_id:<30} {record['Job_Name']:<16} {record['job_state']} {record['queue']}")


if __name__ == "__main__":
    main()
