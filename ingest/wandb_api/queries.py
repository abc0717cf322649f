"""What is asked of the service, in GraphQL; the operations' names are those of W&B's client."""

from __future__ import annotations

from typing import Final

_WHERE: Final = "($entity: String!, $project: String!, $name: String!)"

#: All that is known of one run without its history: one cheap request.
RUN: Final = f"""
query Run{_WHERE} {{
  project(name: $project, entityName: $entity) {{
    run(name: $name) {{
      id name displayName state tags group jobType notes sweepName createdAt heartbeatAt
      config summaryMetrics historyLineCount historyKeys
    }}
  }}
}}"""

#: The runs of a project, a page of them, without what is heavy.
RUNS: Final = """
query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50,
           $order: String, $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    runCount(filters: $filters)
    runs(filters: $filters, after: $cursor, first: $perPage, order: $order) {
      edges {
        node { id name displayName state group createdAt heartbeatAt historyLineCount }
        cursor
      }
      pageInfo { endCursor hasNextPage }
    }
  }
}"""

#: The log rows of a window of steps, from ``minStep`` up to but without ``maxStep``.
HISTORY_PAGE: Final = """
query HistoryPage($entity: String!, $project: String!, $run: String!,
                  $minStep: Int64!, $maxStep: Int64!, $pageSize: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $run) { history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) }
  }
}"""

#: Rows that the service picks evenly from the history.
SAMPLED_HISTORY: Final = """
query RunFullHistory($project: String!, $entity: String!, $name: String!, $samples: Int) {
  project(name: $project, entityName: $entity) {
    run(name: $name) { history(samples: $samples) }
  }
}"""

#: Samples of the system metrics, as JSON texts; the service has no other way to them.
SYSTEM: Final = """
query RunFullHistory($project: String!, $entity: String!, $name: String!, $samples: Int) {
  project(name: $project, entityName: $entity) {
    run(name: $name) { events(samples: $samples) }
  }
}"""

#: The files of a run, a page of them: those of the names, or all where there are none.
RUN_FILES: Final = """
query RunFiles($project: String!, $entity: String!, $name: String!, $cursor: String,
               $perPage: Int = 50, $names: [String] = []) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      files(names: $names, after: $cursor, first: $perPage) {
        edges { node { id name url sizeBytes mimetype updatedAt md5 } cursor }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
}"""


def _artifacts(operation: str, field: str) -> str:
    return f"""
query {operation}($project: String!, $entity: String!, $name: String!, $cursor: String,
                  $perPage: Int = 50) {{
  project(name: $project, entityName: $entity) {{
    run(name: $name) {{
      {field}(after: $cursor, first: $perPage) {{
        edges {{
          node {{
            artifactSequence {{ name }} versionIndex artifactType {{ name }} size digest fileCount
            createdAt aliases {{ alias }}
          }}
          cursor
        }}
        pageInfo {{ endCursor hasNextPage }}
      }}
    }}
  }}
}}"""


#: The artifacts that a run logged, and those that it used, a page of them.
OUTPUT_ARTIFACTS: Final = _artifacts("RunOutputArtifacts", "outputArtifacts")
INPUT_ARTIFACTS: Final = _artifacts("RunInputArtifacts", "inputArtifacts")
