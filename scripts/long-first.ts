import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that take longest, longest first. Begun last, everything would wait for one of them with an idle processor.
 * A file that is not named here comes after these, in Vitest's own order.
 */
const LONG = [
  "test/agents/openclaw.test.ts",
  "test/agentdojo/workspace.test.ts",
  "test/agents/openclaw-profile.test.ts",
  "test/attacks/secrets.test.ts",
  "test/attacks/logins.test.ts",
  "test/agents/claude-code.test.ts",
  "test/agentdojo/banking.test.ts",
  "test/jobs/jobs.test.ts",
  "test/agents/openclaw-attacks.test.ts",
  "test/attacks/cgroup.test.ts",
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
