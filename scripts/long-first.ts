import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that take longest, longest first: the last to begin are short, so that no processor is idle while another finishes a
 * long one. A file that is not named here comes after these, in Vitest's own order.
 */
const LONG = [
  "test/console/console.test.ts",
  "test/agentdojo/workspace.test.ts",
  "test/agents/claude-code.test.ts",
  "test/attacks/logins.test.ts",
  "test/jobs/jobs.test.ts",
  "test/e2e/memory.test.ts",
  "test/e2e/git-ssh.test.ts",
  "test/crash/log.test.ts",
  "test/crash/approvals.test.ts",
  "test/e2e/stop.test.ts",
  "test/attacks/secrets.test.ts",
  "test/attacks/git-ssh.test.ts",
  "test/e2e/inference.test.ts",
  "test/face/face.test.ts",
  "test/attacks/workspace.test.ts",
  "test/attacks/control-plane.test.ts",
  "test/agentdojo/banking.test.ts",
  "test/console/rendering.test.ts",
  "test/attacks/extensions.test.ts",
  "test/crash/monitor.test.ts",
  "test/e2e/witness.test.ts",
  "test/e2e/marketplace.test.ts",
  "test/e2e/network.test.ts",
  "test/attacks/stops.test.ts",
  "test/attacks/sandbox-kernel.test.ts",
  "test/attacks/limits.test.ts",
  "test/face/hostile-agent.test.ts",
  "test/e2e/forwards.test.ts",
  "test/attacks/home.test.ts",
  "test/attacks/detonation.test.ts",
  "test/attacks/confinement.test.ts",
  "test/cli/demo.test.ts",
  "test/attacks/owners.test.ts",
  "test/attacks/arguments.test.ts",
  "test/e2e/extensions.test.ts",
  "test/telemetry/telemetry.test.ts",
  "test/console/many-held.test.ts",
  "test/drivers/driver.test.ts",
  "test/policy/loading.test.ts",
  "test/e2e/alerts.test.ts",
  "test/cli/top.test.ts",
  "test/attacks/sandbox-limits.test.ts",
  "test/adopt/openclaw.test.ts",
  "test/e2e/pipeline.test.ts",
  // What it runs is fetched beside the tests, with what they leave of the machine (.ci/run): after the long ones it is there.
  "test/agents/openclaw-gateway.test.ts",
];

/** Long files first. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = LONG.indexOf(relative(this.ctx.config.root, moduleId));
      return at === -1 ? LONG.length : at;
    };
    // oxlint-disable-next-line unicorn/no-array-sort -- a method of Vitest's, which gives a list of its own
    const ordered = await super.sort(files);
    return ordered.toSorted((a, b) => place(a) - place(b));
  }
}
