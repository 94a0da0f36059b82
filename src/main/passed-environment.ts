import { env } from "node:process";

const PASSED = ["PATH", "HOME", "LANG", "TMPDIR", "TZ"] as const;

/** What a server's environment is made of: these names of our own, which the sandbox plan set. Nothing else is passed. */
export function readPassedEnvironment(): { readonly [name: string]: string } {
  return Object.fromEntries(PASSED.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
