import { join } from "node:path";

/** Where the log of a home lies. */
export function logFolder(home: string): string {
  return join(home, "log");
}
