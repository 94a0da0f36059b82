import type { Reporter, TestModule } from "vitest/node";

/**
 * Says the result as the last line of all, alone on it: `12 passed, 0 failed`, for people and scripts that read no more.
 * A file that could not be loaded and an error outside a test count as failed: a run is never better than it was.
 */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandled.length;
    for (const module of modules) {
      const tests = [...module.children.allTests()].map((test) => test.result().state);
      const failures = tests.filter((state) => state === "failed" || state === "pending").length;
      passed += tests.filter((state) => state === "passed").length;
      failed += failures === 0 && !module.ok() ? 1 : failures;
    }
    // Other reporters still have their say after this; the exit of the process comes after all of them.
    process.once("exit", () => process.stdout.write(`\n${passed} passed, ${failed} failed\n`));
  }
}
