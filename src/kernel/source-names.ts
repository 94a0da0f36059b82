import { GIT_DRIVER } from "./git-ssh.ts";
import { DRIVER_NAME, INSTANCE_ID } from "./names.ts";
import { isNetHost, NET_DRIVER } from "./net.ts";

const OF_DRIVER = /^(?<driver>[^/#@]+)(?<mark>[/#@])(?<name>[^]*)$/u;
const OF_LOG = /^import:[!-~]+$/u;
const ENTRY = /^entries:(?<entry>0|[1-9][0-9]{0,15})$/u;
const INSTANCE = /^instance:(?<instance>.+)$/u;

/**
 * Whether anything could ever have this among its sources: a tool, resource or prompt of a driver, of the network a tool and its
 * host, another log, one instance or one entry. Another spelling is the source of nothing.
 */
export function isSource(source: string): boolean {
  const instance = INSTANCE.exec(source)?.groups?.["instance"];
  if (instance !== undefined) return INSTANCE_ID.test(instance);
  if (ENTRY.test(source) || OF_LOG.test(source)) return true;
  const { driver = "", mark, name = "" } = OF_DRIVER.exec(source)?.groups ?? {};
  if (!DRIVER_NAME.test(driver)) return false;
  // The list of a server's resources has no name.
  if (mark !== "/") return mark === "#" || name !== "";
  if (driver !== NET_DRIVER && driver !== GIT_DRIVER) return name !== "";
  const [tool = "", host, ...more] = name.split(" ");
  return /^[a-z]+$/u.test(tool) && more.length === 0 && (host === undefined || isNetHost(host));
}
