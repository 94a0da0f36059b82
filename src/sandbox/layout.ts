/**
 * What of the host's system every sandbox sees, read-only. Found once by the platform, since distributions differ: on
 * most, `/bin` and `/lib` are links into `/usr`; on some they are folders.
 */
export interface SystemLayout {
  /** Links to make again inside, such as `/bin` → `usr/bin`. */
  readonly links: readonly { readonly inside: string; readonly target: string }[];
  /** Folders besides `/usr` that hold programs or libraries, shown at the same place. */
  readonly folders: readonly string[];
  /** Files and folders of `/etc` that programs need and that hold nothing private: certificates, the linker's cache. */
  readonly etc: readonly string[];
  /** Files of `/proc` that name what the kernel keeps for the user, not for the sandbox; nobody reads them inside. */
  readonly closed: readonly string[];
  /** Contents of the host's `/etc/hosts` and `/etc/resolv.conf`; only a connector, which has a route, sees them. */
  readonly resolver: { readonly hosts: string; readonly resolvConf: string };
}

/** The user that everything in a sandbox runs as. It maps to the unprivileged user who started bubblewrap. */
export const INSIDE_USER = { uid: 1000, gid: 1000, name: "agent", home: "/home/agent" } as const;

/** Host name inside: the host's own is nobody's business there. */
export const INSIDE_HOSTNAME = "aios";

const PASSWD = "agent:x:1000:1000::/home/agent:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n";
const GROUP = "agent:x:1000:\nnogroup:x:65534:\n";
const HOSTS = "127.0.0.1 localhost aios\n::1 localhost\n";

/** The text files of a sandbox's `/etc`: no account, name server or host name of the real machine but a connector's. */
export function etcFiles(
  network: "none" | "host",
  system: SystemLayout,
): readonly { readonly inside: string; readonly text: string }[] {
  const common = [
    { inside: "/etc/passwd", text: PASSWD },
    { inside: "/etc/group", text: GROUP },
  ];
  switch (network) {
    case "none":
      return [
        ...common,
        { inside: "/etc/hosts", text: HOSTS },
        { inside: "/etc/nsswitch.conf", text: "passwd: files\ngroup: files\nhosts: files\n" },
      ];
    case "host":
      return [
        ...common,
        { inside: "/etc/hosts", text: system.resolver.hosts },
        { inside: "/etc/resolv.conf", text: system.resolver.resolvConf },
        { inside: "/etc/nsswitch.conf", text: "passwd: files\ngroup: files\nhosts: files dns\n" },
      ];
  }
}
