import { server, type MadeExtension } from "./extension.ts";

/** More honest extensions, by kind. */
export const BENIGN_KINDS: readonly MadeExtension[] = [
  server({
    technique: "script-named-fetch",
    manifest: { scripts: { fetch: "node scripts/get.js", build: "npm run fetch && node scripts/build.js" } },
  }),
];
