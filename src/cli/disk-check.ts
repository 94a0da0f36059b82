import type { DiskRoom, MountOfLog } from "../platform/files/disk-room.ts";
import type { Check } from "./powers.ts";
import { shellWord } from "./shell-word.ts";

/** Below this much, bytes, a person is told: the log of a busy day is larger. */
const LITTLE = 64 * 1024 * 1024;
const MEBIBYTE = 1024 * 1024;
const MEANS = "nothing can be recorded, so nothing starts and no effect of an agent happens";
const STILL = "a monitor that runs still shows, stops and ends; aios log verify needs no monitor and writes nothing";

/** What the disk of a home takes, and what that means (RECORD-FIRST). */
export function describeDisk(disk: DiskRoom): Check {
  switch (disk.kind) {
    case "room": {
      const found = `${Math.floor(disk.bytes / MEBIBYTE)} MiB free for the home`;
      if (disk.bytes >= LITTLE) return { name: "disk", state: "ok", found, hint: null };
      return {
        name: "disk",
        state: "note",
        found,
        hint: "when it is full nothing can be recorded, and everything stops",
      };
    }
    case "full":
      return { name: "disk", state: "missing", found: `full: ${MEANS}`, hint: `make room; ${STILL}` };
    case "read-only":
      return { name: "disk", state: "missing", found: `read-only: ${MEANS}`, hint: `${mend(disk.mount)}; ${STILL}` };
    case "out":
      return {
        name: "disk",
        state: "missing",
        found: `the log's journal is not there, so its disk is out or it was removed: ${MEANS}`,
        hint: `put it back as it was: a monitor that runs goes on by itself; what is gone for good is in a backup (aios restore); ${STILL}`,
      };
    case "silent": {
      const found = `does not answer: it took nothing in ${disk.seconds} seconds, so every effect of an agent waits`;
      return {
        name: "disk",
        state: "missing",
        found,
        hint: `nothing is lost and all goes on once it answers; ${STILL}`,
      };
    }
    case "unwritable":
      return { name: "disk", state: "missing", found: `${disk.why}: ${MEANS}`, hint: STILL };
  }
}

/** What to type, in its order: Linux makes a disk writable again that nobody has open, and a monitor lets go of the log's alone. */
function mend(mount: MountOfLog | null): string {
  if (mount === null)
    return "unmount it, mend it and mount it again: work goes on by itself when the log has a disk of its own; with the whole home on it, end the monitor first (aios serve --stop)";
  const { at, source, home } = mount;
  if (at === "/") return `it is the machine's own, ${source}: restart the machine, which mends it`;
  const device = source.startsWith("/dev/") ? `fsck -f ${shellWord(source)} && ` : "";
  const words = `umount ${shellWord(at)} && ${device}mount ${shellWord(at)}`;
  return home === null
    ? `as root: ${words}; the monitor has let go of it, and work goes on by itself`
    : `aios serve --stop --home ${shellWord(home)}, then as root: ${words}; the next command starts the monitor again`;
}
