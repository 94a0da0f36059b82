import { createHash } from "node:crypto";

/** What the corpus' list of known malicious packages holds, one OSV entry or digest a line. */
export const KNOWN_BAD: string = [
  {
    id: "MAL-2026-0001",
    affected: [
      {
        package: { ecosystem: "npm", name: "known-stealer-mcp" },
        ranges: [{ type: "SEMVER", events: [{ introduced: "0" }] }],
      },
    ],
  },
  { id: "MAL-2026-0002", affected: [{ package: { ecosystem: "npm", name: "once-bad-mcp" }, versions: ["1.3.0"] }] },
  { id: "MAL-2026-0003", sha256: createHash("sha256").update("known bad bytes of the corpus\n").digest("hex") },
]
  .map((entry) => JSON.stringify(entry))
  .join("\n");
