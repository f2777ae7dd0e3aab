"""How a job ended, and whether it lacked memory or time: from exit status, output and scheduler."""

from __future__ import annotations

from metasweep.batch.exit_codes import EXPLAINED, MEANINGS
from metasweep.batch.walltime import clock
from metasweep.cluster.schedulers import Job, Lack, Scheduler
from metasweep.cluster.submission import Submission


def describe(submission: Submission, scheduler: Scheduler, job: Job) -> str:
    """Return in one line how a job ended: from its program's own exit status, else from the scheduler's."""
    status = submission.program_status(job.index)
    by_scheduler = scheduler.how_ended(job)
    reason = last_reason(submission, job.index)
    advice = advise(lack(submission, scheduler, job), job)
    if status is None:
        return "; ".join(part for part in (by_scheduler, advice or reason) if part)
    meaning = MEANINGS.get(status, f"exit status {status}")
    own = by_scheduler.startswith(("exit status", "ended before", "cancelled before"))
    parts = [meaning if own else f"{meaning} ({by_scheduler})"]
    if advice or (status in EXPLAINED and reason):
        parts.append(advice or reason)
    return "; ".join(parts)


def last_reason(submission: Submission, index: int) -> str:
    """Why it ended: as its agent says, else the last line of its output."""
    tally = submission.tally(index)
    return (tally.reason if tally else "") or submission.last_line(index)


def lack(submission: Submission, scheduler: Scheduler, job: Job) -> Lack | None:
    """Return what an ended job lacked, memory or time; None if neither."""
    by_scheduler = scheduler.lack(job)
    status = submission.program_status(job.index)
    if by_scheduler == "memory" and status in (0, None) and not died(job, status):
        return None  # it came near its limit, but ended well
    if by_scheduler:
        return by_scheduler
    tally = submission.tally(job.index)  # a run that is killed by nobody else was too large for the kernel
    killed = bool(tally and tally.killed) and job.mem_asked is None
    return "memory" if killed and died(job, status) else None


def died(job: Job, status: int | None) -> bool:
    """Return whether a job failed."""
    return bool(status) or (job.exit_status not in (0, None))


def advise(missing: Lack | None, job: Job) -> str:
    """Return what to ask for; empty if nothing was lacking."""
    if missing == "memory":
        had = (
            f"all of its {job.mem_asked / 2**30:.3g} GB were used"
            if job.mem_asked
            else "killed for using too much"
        )
        return f"too little memory: {had}; ask for more --mem, or submit with --retry"
    if missing == "time":
        had = f"{clock(job.time_asked)} had passed" if job.time_asked else "its walltime had passed"
        return f"too little time: {had}; ask for more --walltime, or submit with --retry"
    return ""
