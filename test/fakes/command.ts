import { fileURLToPath } from "node:url";

/** The command line as people start it, with what the set-up compiled of it: without that each start takes twice as long. */
export const COMMAND: string = fileURLToPath(new URL("../../bin/aios", import.meta.url));
