import { CliFailure } from "./failure.ts";
import type { MonitorClient } from "./powers.ts";

/**
 * Says when the monitor that answers is of another version than this command line: after an update it goes on as it was
 * started, and one may not understand what the other says. Null when they are of one. `runs`: whether it is there after all.
 */
export async function findOtherVersion(
  client: Pick<MonitorClient, "request">,
  { version, home, runs }: { readonly version: string; readonly home: string; runs(): Promise<boolean> },
): Promise<string | null> {
  const hint = "aios serve --stop ends it, and with it every instance; the next command starts the new one";
  try {
    const hello = await client.request("hello", { version });
    if (hello.version === version) return null;
    return `aios: the monitor of ${home} is of version ${hello.version}, and this command line of ${version}\nhint: ${hint}\n`;
  } catch (error) {
    if (!(error instanceof CliFailure) || error.code !== "monitor-lost") throw error;
    // It ended this connection, as it ends whoever says what it does not know; or said what this one does not.
    if (await runs())
      throw CliFailure.of("monitor-lost", `${error.message}; perhaps it is not of version ${version} as this is`, hint);
    throw CliFailure.of(
      "monitor-lost",
      `The monitor of ${home} ended before it answered`,
      "it was told to, or something killed it; the next command starts it again",
    );
  }
}
