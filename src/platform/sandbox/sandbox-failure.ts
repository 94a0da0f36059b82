import { SandboxError } from "../../sandbox/error.ts";
import type { SandboxErrorCode } from "../../sandbox/error.ts";

/** What bubblewrap says on standard error, what it means, and what to do. First match counts. */
const CAUSES: readonly { readonly says: RegExp; readonly code: SandboxErrorCode; readonly hint: string }[] = [
  {
    says: /creat\w* new namespace|unshare user ns|uid map|user namespaces/i,
    code: "namespaces-off",
    hint:
      "Allow unprivileged user namespaces: sysctl user.max_user_namespaces (and kernel.unprivileged_userns_clone=1 on Debian, " +
      "kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile for bwrap on Ubuntu)",
  },
  {
    says: /bind mount|source path|mkdir|create (file|symlink)|mount|remount|chdir/i,
    code: "mount",
    hint: "Check that every mounted path exists, that this user may reach it, and that the working directory is inside",
  },
];

/** One SandboxError for whatever stopped a start. `said` is what bubblewrap wrote on standard error. */
export function explainFailure(cause: unknown, said: string): SandboxError {
  if (cause instanceof SandboxError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const words = said.trim();
  const known = CAUSES.find(({ says }) => says.test(words));
  const message = `Cannot set up a sandbox: ${words === "" ? reason : words}`;
  return known === undefined
    ? new SandboxError("setup", message, "aios doctor says what this machine lacks")
    : new SandboxError(known.code, message, known.hint);
}
