// Changes that the pages make, through the client's API, with the token that only these pages have.

const { write } = JSON.parse(document.getElementById("data").textContent);
const AT_ONCE = 40; // changes in one request

/** The data of an answer; throws an Error with the server's line. */
export async function ask(query, variables = {}) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Metasweep-Write": write },
    body: JSON.stringify({ query, variables }),
  });
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) throw new Error("You are signed out: reload this page to sign in.");
  if (!response.ok) throw new Error(answer.errors?.[0]?.message ?? answer.error ?? `The server answered ${response.status}.`);
  return answer.data;
}

/** The page's project: {entity, project}. */
export function place() {
  const [entity, project] = location.pathname.slice(1).split("/").map(decodeURIComponent);
  return { entity, project };
}

const IDS = `query Ids($entity: String, $project: String, $filters: JSONString, $first: Int) {
  project(name: $project, entityName: $entity) { runs(filters: $filters, first: $first) { edges { node { id name tags } } } }
}`;

/** The current {id, name, tags} of runs, by the names in their addresses. */
async function runsNamed(names) {
  const filters = JSON.stringify({ name: { $in: names } });
  const data = await ask(IDS, { ...place(), filters, first: names.length });
  return new Map(data.project.runs.edges.map(({ node }) => [node.name, node]));
}

/** Changes runs, one mutation each: `input(run)` returns its input without the id. Returns how many failed, and why. */
export async function changeRuns(mutation, type, names, input = () => ({})) {
  let [failed, reason] = [0, ""];
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = names.slice(at, at + AT_ONCE);
    const runs = await runsNamed(some);
    const results = await Promise.allSettled(
      some.map((name) =>
        ask(`mutation Change($input: ${type}!) { ${mutation}(input: $input) { clientMutationId } }`, {
          input: { id: runs.get(name)?.id, ...input(runs.get(name)) },
        }),
      ),
    );
    for (const { reason: error } of results.filter(({ status }) => status === "rejected")) {
      failed += 1;
      reason = error.message;
    }
  }
  return { failed, reason };
}

const SWEEP = `query Sweep($entity: String, $project: String, $name: String!) {
  project(name: $project, entityName: $entity) { sweep(sweepName: $name) { id state } }
}`;
const CHANGE = `mutation Change($id: ID, $state: String) { upsertSweep(input: {id: $id, state: $state}) { sweep { state } } }`;

/** Moves a sweep to a state. */
export async function changeSweep(name, state) {
  const data = await ask(SWEEP, { ...place(), name });
  const changed = await ask(CHANGE, { id: data.project.sweep.id, state });
  return changed.upsertSweep.sweep.state;
}

const QUEUE = `mutation Queue($input: QueueSeedsInput!) { queueSeeds(input: $input) { success } }`;

/** Adds points to a sweep: those of some of its runs (by name) with other seeds. Agents get them next. */
export async function queueSeeds(name, runs, parameter, seeds) {
  const data = await ask(SWEEP, { ...place(), name });
  await ask(QUEUE, { input: { id: data.project.sweep.id, runs, parameter, seeds } });
}
