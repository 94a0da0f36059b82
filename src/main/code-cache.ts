import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(fileURLToPath(new URL("../..", import.meta.url)));

/**
 * The whole environment of the monitor: where bubblewrap is found, and where Node finds what it compiled of the monitor
 * before (docs/decisions/compile-cache.md). The place follows from where the code lies and from nothing else, so that no
 * variable of whoever starts it names another. One arena of malloc(3): each of its dozen threads would else keep what it
 * freed in one of its own, a quarter of the monitor's memory after some ten thousand calls. `home` is the person's, where
 * git's settings are that every repository obeys; the list of users may name another or none. It is left out unless absolute.
 */
export function monitorEnvironment(path: string | undefined, home?: string): { readonly [name: string]: string } {
  return {
    ...(home?.startsWith("/") === true && { HOME: home }),
    PATH: path ?? "/usr/bin:/bin",
    MALLOC_ARENA_MAX: "1",
    NODE_COMPILE_CACHE: join(ROOT, "node_modules", ".aios-cache", "monitor"),
  };
}
