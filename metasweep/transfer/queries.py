"""The GraphQL documents of copying, with the names and shapes that W&B's own clients use."""

SWEEP = """
query GetSweep($name: String!, $project: String, $entity: String) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $name) { id name displayName description state config }
  }
}"""
SWEEPS = """
query GetSweeps($project: String!, $entity: String, $cursor: String, $perPage: Int) {
  project(name: $project, entityName: $entity) {
    sweeps(after: $cursor, first: $perPage) {
      edges { node { id name description } }
      pageInfo { endCursor hasNextPage }
    }
  }
}"""
UPSERT_SWEEP = """
mutation UpsertSweep($id: ID, $config: String, $description: String, $displayName: String, $state: String,
                     $entityName: String, $projectName: String) {
  upsertSweep(input: {id: $id, config: $config, description: $description, displayName: $displayName,
                      state: $state, entityName: $entityName, projectName: $projectName}) {
    sweep { id name }
  }
}"""
RUNS = """
query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50, $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, after: $cursor, first: $perPage, order: "+created_at") {
      edges { node {
        name displayName state config summaryMetrics tags group jobType notes commit
        historyLineCount historyKeys
      } }
      pageInfo { endCursor hasNextPage }
    }
  }
}"""
HISTORY = """
query HistoryPage($entity: String!, $project: String!, $run: String!, $minStep: Int64!, $maxStep: Int64!,
                  $pageSize: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $run) { history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) }
  }
}"""
FILES = """
query RunFiles($project: String!, $entity: String!, $name: String!, $cursor: String, $perPage: Int) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      files(after: $cursor, first: $perPage) {
        edges { node { name url(upload: false) sizeBytes md5 } }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
}"""
UPSERT_RUN = """
mutation UpsertBucket($name: String!, $project: String, $entity: String, $sweep: String, $config: JSONString,
                      $displayName: String, $summary: JSONString, $tags: [String!], $group: String,
                      $jobType: String, $notes: String, $commit: String) {
  upsertBucket(input: {name: $name, modelName: $project, entityName: $entity, sweep: $sweep, config: $config,
                       displayName: $displayName, summaryMetrics: $summary, tags: $tags, groupName: $group,
                       jobType: $jobType, notes: $notes, commit: $commit}) {
    bucket { name historyLineCount }
  }
}"""
CREATE_FILES = """
mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
    uploadHeaders
    files { name uploadUrl }
  }
}"""
