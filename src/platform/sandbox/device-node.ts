import { lstatSync } from "node:fs";
import { SandboxError } from "../../sandbox/error.ts";

/**
 * Checks that a device is there as the kernel's own node: a character device and no link to something else. Throws
 * SandboxError `mount`. Only root writes in /dev, so that what was looked at is what is mounted.
 */
export function checkDeviceNode(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isCharacterDevice() === true) return;
  const what = found === undefined ? "it is not there" : "it is no character device";
  const hint = "Look at what this machine has (ls -l /dev/dri /dev/snd /dev/nvidia*), and sign a grant that names that";
  throw new SandboxError("mount", `Cannot pass the device "${path}": ${what}`, hint);
}
