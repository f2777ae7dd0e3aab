"""The GraphQL documents of the sweep protocol, with the names and shapes that W&B's own clients use."""

SWEEP = """
query GetSweep($name: String!, $project: String, $entity: String) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $name) { name state config runCountExpected }
  }
}"""
UPSERT_SWEEP = """
mutation UpsertSweep($config: String, $entityName: String, $projectName: String) {
  upsertSweep(input: {config: $config, entityName: $entityName, projectName: $projectName}) {
    sweep { name project { name entity { name } } }
    configValidationWarnings
  }
}"""
CREATE_AGENT = """
mutation CreateAgent($host: String!, $projectName: String, $entityName: String, $sweep: String!) {
  createAgent(input: {host: $host, projectName: $projectName, entityName: $entityName, sweep: $sweep}) {
    agent { id }
  }
}"""
HEARTBEAT = """
mutation Heartbeat($id: ID!, $metrics: JSONString, $runState: JSONString) {
  agentHeartbeat(input: {id: $id, metrics: $metrics, runState: $runState}) { agent { id } commands }
}"""
PROGRESS = """
query Progress($sweep: String!, $project: String!, $entity: String!,
               $finished: JSONString, $running: JSONString,
               $order: String, $aggregateOrder: String, $durations: Boolean!) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $sweep) { state runCountExpected }
    finished: runCount(filters: $finished)
    running: runCount(filters: $running)
    best: runs(filters: $finished, order: $order, first: 1) { edges { node { displayName summaryMetrics } } }
    bestAggregate: runs(filters: $finished, order: $aggregateOrder, first: 1) {
      edges { node { displayName summaryMetrics } }
    }
    recent: runs(filters: $finished, order: "-created_at", first: 50) @include(if: $durations) {
      edges { node { summaryMetrics } }
    }
  }
}"""
RUNS = """
query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50, $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, after: $cursor, first: $perPage, order: "+created_at") {
      edges { node { name state stopped config } }
      pageInfo { endCursor hasNextPage }
    }
  }
}"""
UPSERT_RUN = """
mutation UpsertBucket($name: String, $project: String, $entity: String, $sweep: String, $config: JSONString,
                      $displayName: String) {
  upsertBucket(input: {
    name: $name, modelName: $project, entityName: $entity, sweep: $sweep, config: $config,
    displayName: $displayName
  }) { inserted }
}"""
VIEWER = "query Viewer { viewer { id entity username } }"
RUN = """
query Run($name: String!, $project: String!, $entity: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { name state displayName } }
}"""
AGENT_RUNS = """
query GetAgentRuns($agentID: String!, $sweep: String!, $entity: String, $project: String, $first: Int,
                   $order: String) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $sweep) {
      agent(agentName: $agentID) {
        runs(first: $first, order: $order) { edges { node { name state config } } }
      }
    }
  }
}"""
