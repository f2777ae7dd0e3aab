// What the state of a run means to a person, as metasweep/sweeps/states.py has it; a test holds the two together.

const ACTIVE = ["pending", "running", "preempting"];

/** Has an agent or a process the run, so that it can be told to stop? */
export function isOpen(state) {
  return ACTIVE.includes(state) || state === "preempted";
}

/** "finished", "running", "preempted" (to be tried again) or "failed". */
export function outcome(state) {
  if (state === "finished" || state === "preempted") return state;
  return ACTIVE.includes(state) ? "running" : "failed";
}
