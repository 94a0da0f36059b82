import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that take longest, longest first. Begun last, everything would wait for one of them with an idle processor.
 * A file that is not named here comes after these, in Vitest's own order.
 */
const LONG = [
  "test/agentdojo/workspace.test.ts",
  "test/attacks/secrets.test.ts",
  "test/attacks/logins.test.ts",
  "test/agents/claude-code.test.ts",
  "test/agentdojo/banking.test.ts",
  "test/jobs/jobs.test.ts",
  "test/attacks/cgroup.test.ts",
];
/** What it runs is still being fetched when the tests begin. It is long too: some are left for the other processor meanwhile. */
const LATE = "test/agents/openclaw-gateway.test.ts";
const LEFT = 20;

/** Long files first, and one of them near the end. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const nameOf = ({ moduleId }: TestSpecification): string => relative(this.ctx.config.root, moduleId);
    const place = (file: TestSpecification): number => {
      const at = LONG.indexOf(nameOf(file));
      return at === -1 ? LONG.length : at;
    };
    const isLate = (file: TestSpecification): boolean => nameOf(file) === LATE;
    // oxlint-disable-next-line unicorn/no-array-sort -- a method of Vitest's, which gives a list of its own
    const ordered = await super.sort(files);
    const sorted = ordered.toSorted((a, b) => place(a) - place(b));
    const late = sorted.filter((file) => isLate(file));
    const rest = sorted.filter((file) => !isLate(file));
    return rest.toSpliced(Math.max(0, rest.length - LEFT), 0, ...late);
  }
}
