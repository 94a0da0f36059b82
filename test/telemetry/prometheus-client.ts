import { spawnSync } from "node:child_process";

/** A family of metrics as Prometheus' own client reads it: the suffix `_total` is not part of the name. */
export type Family = readonly [
  name: string,
  type: string,
  samples: readonly (readonly [name: string, labels: { readonly [label: string]: string }, value: number])[],
];

const READ = `
import json, sys
try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    sys.exit(9)
families = text_string_to_metric_families(sys.stdin.read())
print(json.dumps([[f.name, f.type, [[s.name, s.labels, s.value] for s in f.samples]] for f in families]))
`;

/**
 * What the parser of Prometheus' client for Python (Debian: python3-prometheus-client) finds in a page; null where it is not
 * installed. Throws when it refuses the page.
 */
export function readByPrometheus(page: string): readonly Family[] | null {
  const { status, stdout, stderr, error } = spawnSync("/usr/bin/python3", ["-c", READ], {
    input: page,
    encoding: "utf8",
  });
  if (error !== undefined || status === 9) return null;
  if (status !== 0) throw new Error(`Prometheus' client refuses the page: ${stderr}`);
  return JSON.parse(stdout);
}
