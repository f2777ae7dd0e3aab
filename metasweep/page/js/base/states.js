// What the state of a run means to a person. The same rules as in metasweep/sweeps/states.py; a test compares the two.

const ACTIVE = ["pending", "running", "preempting"];

/** Does an agent or a process have the run, so that it can be told to stop? */
export function isOpen(state) {
  return ACTIVE.includes(state) || state === "preempted";
}

/** "finished", "running", "preempted" (to be tried again) or "failed". */
export function outcome(state) {
  if (state === "finished" || state === "preempted") return state;
  return ACTIVE.includes(state) ? "running" : "failed";
}
