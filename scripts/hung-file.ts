import { relative } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

/** The longest test file takes two minutes and a half on a busy machine of two processors. */
const QUIET_MINUTES = 10;

/**
 * Ends a run in which nothing has happened for so long that a test hangs where no time-out of its own reaches it, and names the files that
 * had begun. Without it such a run ends by the patience of whoever started it, and says nothing.
 */
export class HungFile implements Reporter {
  readonly #begun = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  onTestModuleStart(module: TestModule): void {
    this.#begun.add(module.moduleId);
    this.#wait();
  }

  onTestCaseResult(): void {
    this.#wait();
  }

  onTestModuleEnd(module: TestModule): void {
    this.#begun.delete(module.moduleId);
    this.#wait();
  }

  onTestRunEnd(): void {
    clearTimeout(this.#timer);
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), QUIET_MINUTES * 60_000);
    this.#timer.unref();
  }

  #end(): void {
    const files = [...this.#begun].map((file) => relative(process.cwd(), file));
    process.stderr.write(
      `\nno test ended for ${QUIET_MINUTES} minutes; these files had begun: ${files.join(", ") || "none"}\n`,
    );
    process.exit(1);
  }
}
