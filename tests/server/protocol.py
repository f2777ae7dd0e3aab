"""The protocol spoken directly, for what the client cannot be made to do: repeats, disorder, nonsense."""

import json
from functools import cached_property
from typing import Any

import requests

from tests.conftest import ServerProcess

UPSERT = """
mutation UpsertBucket($name: String, $project: String, $config: JSONString, $sweep: String, $state: String) {
  upsertBucket(input: {name: $name, modelName: $project, config: $config, sweep: $sweep, state: $state}) {
    bucket { id name displayName sweepName historyLineCount project { name entity { name } } } inserted
  }
}"""
HEARTBEAT = """
mutation Heartbeat($id: ID!, $runState: JSONString) {
  agentHeartbeat(input: {id: $id, runState: $runState}) { agent { id } commands }
}"""
CREATE_AGENT = """
mutation CreateAgent($sweep: String!, $project: String) {
  createAgent(input: {host: "here", projectName: $project, sweep: $sweep}) { agent { id } }
}"""
UPSERT_SWEEP = """
mutation UpsertSweep($id: ID, $config: String, $project: String, $state: String, $prior: JSONString) {
  upsertSweep(input: {
    id: $id, config: $config, projectName: $project, state: $state, priorRunsFilters: $prior
  }) {
    sweep { id name state } configValidationWarnings
  }
}"""
RUN = """
query Run($project: String!, $name: String!) {
  project(name: $project) { run(name: $name) {
    id name state summaryMetrics config historyLineCount eventsLineCount logLineCount attempt stopped
    history(minStep: -1000, maxStep: 1000000000) historyKeys
    logLines(first: 1000) { edges { node { number line } } }
  } }
}"""
SWEEP = """
query Sweep($project: String!, $name: String!) {
  project(name: $project) { sweep(sweepName: $name) {
    id state bestLoss runCount runCountExpected runs { edges { node { id name state config attempt } } }
  } }
}"""


class Client:
    """Speaks to a server with its key."""

    def __init__(self, server: ServerProcess, project: str = "direct"):
        self.server = server
        self.project = project
        self.session = requests.Session()
        self.session.auth = ("api", server.key)
        self.session.headers["Content-Type"] = "application/json"

    def post(self, path: str, **arguments: Any) -> requests.Response:
        """A POST, whatever the answer."""
        return self.session.post(self.server.url + path, timeout=30, **arguments)

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer that must be good."""
        answer = self.post(
            "/graphql", json={"query": query, "variables": {"project": self.project} | variables}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    @cached_property
    def entity(self) -> str:
        """The server's own entity."""
        return self.graphql("{ viewer { entity } }")["viewer"]["entity"]

    def start_run(self, name: str, **variables: Any) -> dict[str, Any]:
        """Make or resume a run."""
        return self.graphql(UPSERT, name=name, **variables)["upsertBucket"]

    def stream(self, run: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send one request of a run's stream."""
        answer = self.post(f"/files/{self.entity}/{self.project}/{run}/file_stream", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def run(self, name: str) -> dict[str, Any]:
        """All of a run."""
        return self.graphql(RUN, name=name)["project"]["run"]

    def sweep(self, config: str, **variables: Any) -> dict[str, Any]:
        """Make a sweep."""
        return self.graphql(UPSERT_SWEEP, config=config, **variables)["upsertSweep"]["sweep"]

    def set_sweep_state(self, sweep: dict[str, Any], state: str) -> None:
        """Pause, resume, stop or cancel."""
        self.graphql(UPSERT_SWEEP, id=sweep["id"], state=state)

    def read_sweep(self, sweep: dict[str, Any]) -> dict[str, Any]:
        """A sweep with its runs."""
        return self.graphql(SWEEP, name=sweep["name"])["project"]["sweep"]

    def agent(self, sweep: dict[str, Any]) -> str:
        """Register an agent; its id."""
        return self.graphql(CREATE_AGENT, sweep=sweep["name"])["createAgent"]["agent"]["id"]

    def heartbeat(self, agent: str, *running: str) -> list[dict[str, Any]]:
        """The commands for an agent with these running runs."""
        state = json.dumps(dict.fromkeys(running, True))
        return json.loads(self.graphql(HEARTBEAT, id=agent, runState=state)["agentHeartbeat"]["commands"])

    def claim(self, agent: str) -> dict[str, Any]:
        """Claim a run, which must be there, and begin it."""
        (command,) = self.heartbeat(agent)
        assert command["type"] in ("run", "resume"), command
        self.start_run(command["run_id"])
        return command

    def end(self, run: str, exit_code: int = 0) -> None:
        """End a run."""
        self.stream(run, {"complete": True, "exitcode": exit_code})
