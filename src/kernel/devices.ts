/**
 * Devices that a grant may name: graphics, compute and sound, by the names that their drivers give them. A closed list:
 * never memory, disks, keyboards, terminals or anything that carries another's authority (/dev/fuse, /dev/net/tun).
 */
const KINDS: readonly { readonly kind: string; readonly path: RegExp }[] = [
  { kind: "graphics", path: /^\/dev\/dri\/(?:renderD(?:12[89]|1[3-9][0-9])|card[0-9]{1,2})$/ },
  { kind: "graphics", path: /^\/dev\/nvidia(?:[0-9]{1,2}|ctl|-modeset|-uvm|-uvm-tools)$/ },
  { kind: "compute", path: /^\/dev\/kfd$/ },
  { kind: "virtual machines", path: /^\/dev\/kvm$/ },
  { kind: "sound", path: /^\/dev\/snd\/(?:controlC[0-9]{1,2}|pcmC[0-9]{1,2}D[0-9]{1,2}[cp]|seq|timer)$/ },
];

/** Most devices that one grant names. */
export const MOST_DEVICES = 32;

/** What kind of device a path names, in a word; null for one that no grant may name. */
export function deviceKind(path: string): string | null {
  return KINDS.find((each) => each.path.test(path))?.kind ?? null;
}

/**
 * The devices of an instance. `chain`: for the acting agent and everyone above it, what their usable grants name. An agent
 * has what one of its grants names, and no more than everyone above it (CHILD-LESS). Sorted.
 */
export function devicesOf(chain: readonly (readonly (readonly string[])[])[]): readonly string[] {
  const [own = [], ...above] = chain.map((grants) => [...new Set(grants.flat())]);
  return own.filter((device) => above.every((devices) => devices.includes(device))).toSorted();
}
