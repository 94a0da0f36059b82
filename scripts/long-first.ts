import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take minutes; begun last, everything would wait for them with an idle processor. */
const LONG = /\/test\/(?:agentdojo\/|attacks\/cgroup|jobs\/)/;

/** Long files first, and the others as Vitest has them. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- a method of Vitest's, which gives a list of its own
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

function isLong({ moduleId }: TestSpecification): boolean {
  return LONG.test(moduleId);
}
