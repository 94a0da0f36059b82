import { describe, expect, it } from "vitest";
import { bwrapArguments, planSandbox } from "./bwrap.ts";
import type { SystemLayout } from "./layout.ts";
import type { LauncherFiles } from "./launch-plan.ts";
import type { SandboxSpec } from "./spec.ts";

const MERGED: SystemLayout = {
  links: [
    { inside: "/bin", target: "usr/bin" },
    { inside: "/lib", target: "usr/lib" },
  ],
  folders: [],
  etc: ["/etc/ld.so.cache"],
  closed: ["/proc/keys"],
  resolver: { hosts: "10.0.0.1 real\n", resolvConf: "nameserver 10.0.0.2\n" },
};

const DRIVER: SandboxSpec = {
  role: "driver",
  command: ["/opt/agent", "--task", "x"],
  cwd: "/workspace",
  environment: { PATH: "/usr/bin:/bin", HOME: "/home/agent" },
  mounts: [
    { kind: "read", host: "/srv/project/.git", inside: "/workspace/.git" },
    { kind: "write", host: "/srv/project", inside: "/workspace" },
    { kind: "text", inside: "/run/aios/note", text: "hello" },
    { kind: "tmpfs", inside: "/cache", bytes: 8192 },
  ],
  channels: 2,
  published: false,
  programs: "any",
  terminal: false,
  network: "none",
  limits: { processes: 64, openFiles: 256, fileBytes: 1 << 20, memoryBytes: 1 << 30 },
};

describe("bwrapArguments", () => {
  it("is exactly this for a driver", () => {
    expect(bwrapArguments(DRIVER, MERGED).join(" ")).toBe(
      [
        "--unshare-all --unshare-user --unshare-cgroup --disable-userns --die-with-parent --new-session",
        "--cap-drop ALL --uid 1000 --gid 1000 --hostname aios",
        "--seccomp 6 --json-status-fd 7 --block-fd 8 --sync-fd 9",
        "--clearenv --setenv PATH /usr/bin:/bin --setenv HOME /home/agent",
        "--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --ro-bind /etc/ld.so.cache /etc/ld.so.cache",
        "--perms 0444 --file 10 /etc/passwd --perms 0444 --file 11 /etc/group",
        "--perms 0444 --file 12 /etc/hosts --perms 0444 --file 13 /etc/nsswitch.conf",
        "--proc /proc --ro-bind /dev/null /proc/keys --dev /dev",
        "--perms 1777 --size 134217728 --tmpfs /tmp",
        "--bind-fd 14 /workspace",
        "--perms 0700 --size 8192 --tmpfs /cache",
        "--perms 0700 --size 134217728 --tmpfs /home/agent",
        "--perms 1777 --size 134217728 --tmpfs /dev/shm",
        "--ro-bind-fd 15 /workspace/.git",
        "--perms 0444 --ro-bind-data 16 /run/aios/note",
        "--remount-ro /dev --remount-ro / --chdir /workspace",
      ].join(" "),
    );
  });

  it("is exactly this for a connector on a machine with real system folders", () => {
    const connector: SandboxSpec = {
      ...DRIVER,
      role: "connector",
      network: "host",
      mounts: [{ kind: "tmpfs", inside: "/tmp", bytes: 4096 }],
      channels: 1,
      cwd: "/tmp",
      environment: {},
    };
    const split: SystemLayout = { ...MERGED, links: [], folders: ["/bin", "/lib64"], etc: [] };
    expect(bwrapArguments(connector, split).join(" ")).toBe(
      [
        "--unshare-all --unshare-user --unshare-cgroup --share-net --disable-userns --die-with-parent --new-session",
        "--cap-drop ALL --uid 1000 --gid 1000 --hostname aios",
        "--seccomp 5 --json-status-fd 6 --block-fd 7 --sync-fd 8 --clearenv",
        "--ro-bind /usr /usr --ro-bind /bin /bin --ro-bind /lib64 /lib64",
        "--perms 0444 --file 9 /etc/passwd --perms 0444 --file 10 /etc/group --perms 0444 --file 11 /etc/hosts",
        "--perms 0444 --file 12 /etc/resolv.conf --perms 0444 --file 13 /etc/nsswitch.conf",
        "--proc /proc --ro-bind /dev/null /proc/keys --dev /dev",
        "--perms 1777 --size 4096 --tmpfs /tmp",
        "--perms 0700 --size 134217728 --tmpfs /home/agent",
        "--perms 1777 --size 134217728 --tmpfs /dev/shm",
        "--remount-ro /dev --remount-ro / --chdir /tmp",
      ].join(" "),
    );
  });

  it("shares the network with a connector and with no other role", () => {
    for (const role of ["face", "driver", "exec"] as const) {
      expect(bwrapArguments({ ...DRIVER, role }, MERGED)).not.toContain("--share-net");
    }
  });

  it("shows the real machine's hosts and name servers to a connector only", () => {
    const texts = (spec: SandboxSpec): string =>
      JSON.stringify(planSandbox(spec, { system: MERGED, launch: null }).descriptors);
    expect(texts(DRIVER)).not.toContain("10.0.0.");
    expect(texts({ ...DRIVER, role: "connector", network: "host" })).toContain("nameserver 10.0.0.2");
  });

  it("lets a text of the specification take the place of its own", () => {
    const spec: SandboxSpec = { ...DRIVER, mounts: [{ kind: "text", inside: "/etc/hosts", text: "::1 other\n" }] };
    const options = bwrapArguments(spec, MERGED);
    expect(options.filter((option) => option === "/etc/hosts")).toHaveLength(1);
    expect(options[options.indexOf("/etc/hosts") - 2]).toBe("--ro-bind-data");
  });

  it("keeps private folders within an eighth of the memory", () => {
    const options = bwrapArguments({ ...DRIVER, limits: { ...DRIVER.limits, memoryBytes: 8 << 20 } }, MERGED);
    expect(options[options.indexOf("/tmp") - 2]).toBe(String(1 << 20));
  });
});

describe("planSandbox", () => {
  it("puts the channels at 3 and up, and every number names its own descriptor", () => {
    const { descriptors, argv } = planSandbox(DRIVER, { system: MERGED, launch: null });
    expect(descriptors.map(({ kind }) => kind).join(" ")).toBe(
      "channel channel options seccomp status gate gate-end text text text text path path text",
    );
    expect(descriptors[11]).toEqual({ kind: "path", host: "/srv/project", access: "write" });
    expect(descriptors[12]).toEqual({ kind: "path", host: "/srv/project/.git", access: "read" });
    expect(argv).toEqual(["--args", "5", "--", "/opt/agent", "--task", "x"]);
  });

  it("takes a command that looks like an option for a command", () => {
    expect(
      planSandbox({ ...DRIVER, command: ["--share-net"] }, { system: MERGED, launch: null }).argv.slice(2),
    ).toEqual(["--", "--share-net"]);
  });

  it("refuses a specification that weakens the sandbox", () => {
    expect(() => planSandbox({ ...DRIVER, network: "host" }, { system: MERGED, launch: null })).toThrow("network");
  });
});

describe("an agent", () => {
  const AGENT: SandboxSpec = { ...DRIVER, role: "agent", channels: 0, terminal: true };
  const files: LauncherFiles = {
    node: "/opt/node",
    modules: { "main/launcher.mjs": "// launcher\n" },
    packages: { koffi: "/opt/aios/node_modules/koffi" },
  };
  const launch = { files, filter: Uint8Array.of(1, 2, 3) };

  it("is started by its launcher, whose files are shown read-only and whose environment is its own", () => {
    const { argv, options } = planSandbox(AGENT, { system: MERGED, launch });
    expect(argv.slice(2).join(" ")).toBe(
      "-- /aios/launcher/node --disable-warning=ExperimentalWarning /aios/launcher/main/launcher.mjs 4 5",
    );
    const text = options.join(" ");
    expect(text).toContain("--clearenv --setenv MALLOC_ARENA_MAX 1 --ro-bind /usr /usr");
    expect(text).toMatch(/--ro-bind-fd \d+ \/aios\/launcher\/node /);
    expect(text).toMatch(/--ro-bind-data \d+ \/aios\/launcher\/main\/launcher\.mjs /);
    expect(text).toMatch(/--ro-bind-fd \d+ \/aios\/launcher\/node_modules\/koffi /);
  });

  it("has its command, its environment and its filter in the launcher's file, and nowhere else", () => {
    const { argv, options, descriptors } = planSandbox(AGENT, { system: MERGED, launch });
    expect(descriptors.slice(0, 3).map(({ kind }) => kind)).toEqual(["options", "launcher", "text"]);
    const plan = descriptors[2];
    expect(plan?.kind === "text" && JSON.parse(plan.text)).toEqual({
      command: ["/opt/agent", "--task", "x"],
      environment: { PATH: "/usr/bin:/bin", HOME: "/home/agent", PWD: "/workspace" },
      terminal: true,
      proxy: null,
      free: null,
      visits: null,
      openFiles: 256,
      filter: "AQID",
    });
    expect([...argv, ...options].join(" ")).not.toMatch(/task|\/opt\/agent|HOME/);
  });

  it("is not planned without a launcher, nor anything else with one", () => {
    expect(() => planSandbox(AGENT, { system: MERGED, launch: null })).toThrow("without a launcher");
    expect(() => planSandbox(DRIVER, { system: MERGED, launch })).toThrow("with a launcher");
  });
});
