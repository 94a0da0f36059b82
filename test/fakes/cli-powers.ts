import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { CliFailure } from "../../src/cli/failure.ts";
import type { ReadSource } from "../../src/cli/extension-powers.ts";
import type { CliPowers, Home, Person, Verified } from "../../src/cli/powers.ts";
import { createDrafts } from "../../src/main/drafts.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import type { Signer } from "../../src/platform/powers.ts";
import { createFakeMonitor, type Answers, type FakeMonitor } from "./monitor-client.ts";

export const NOW = Date.UTC(2026, 10, 22, 12, 0, 0);
export const PASSPHRASE = "correct horse battery staple";

export interface Setting {
  readonly answers?: Answers;
  readonly files?: { readonly [path: string]: string };
  /** Folders with an extension, by path. */
  readonly sources?: { readonly [path: string]: ReadSource };
  /** Profiles that come with the substrate, by name. */
  readonly profiles?: { readonly [name: string]: string };
  /** What the person types, in order; absent: there is no terminal. */
  readonly typed?: readonly (string | null)[];
  readonly home?: "none" | "ready" | "empty";
  /** What is wrong with key files. */
  readonly damaged?: readonly string[];
  /** No monitor answers; what is found of one that starts. */
  readonly starting?: () => Promise<number | null>;
  readonly colour?: boolean;
  readonly verified?: Verified;
  /** The gate of published ports, and the browser; absent: nothing answers. */
  readonly doors?: CliPowers["doors"];
}

export interface Desk {
  readonly powers: CliPowers;
  readonly monitor: FakeMonitor;
  readonly signer: Signer;
  out(): string;
  err(): string;
  /** Prompts that were shown, in order. */
  readonly prompts: readonly string[];
  /** Notices on the desktop, in order. */
  readonly notices: readonly string[];
}

/** Powers for a command line without a machine: fixed time, fixed screen of 80 columns, files from a table. */
export function createDesk(setting: Setting = {}): Desk {
  const text = { out: "", err: "" };
  const prompts: string[] = [];
  const notices: string[] = [];
  const typed = [...(setting.typed ?? [])];
  const monitor = createFakeMonitor(setting.answers ?? {});
  const signer = createTestSigner();
  let hasKey = setting.home === undefined || setting.home === "ready";
  let hasHome = setting.home !== "none";

  const ask = (prompt: string): Promise<string | null> => {
    prompts.push(prompt);
    return Promise.resolve(typed.shift() ?? null);
  };
  const person: Person = { askLine: ask, askPassphrase: ask };
  const home = (folder: string | null): Home => ({
    path: folder ?? "/home/maria/.aios",
    exists: () => Promise.resolve(hasHome),
    create: () => {
      hasHome = true;
      return Promise.resolve();
    },
    key: {
      path: `${folder ?? "/home/maria/.aios"}/keys/owner.json`,
      exists: () => Promise.resolve(hasKey),
      create: () => {
        hasKey = true;
        return Promise.resolve(signer);
      },
      createAnother: () => Promise.resolve({ signer, path: "/home/maria/.aios/keys/owner-2.json" }),
      damaged: () => Promise.resolve(setting.damaged ?? []),
      unlock: (passphrase) =>
        passphrase === PASSPHRASE
          ? Promise.resolve(signer)
          : Promise.reject(CliFailure.of("wrong-passphrase", "Cannot open the owner's key: the passphrase is wrong")),
    },
    publisher: (name) => ({
      path: `${folder ?? "/home/maria/.aios"}/keys/publisher-${name}.json`,
      exists: () => Promise.resolve(name === "acme"),
      create: () => Promise.resolve(signer),
      unlock: (passphrase) =>
        passphrase === PASSPHRASE
          ? Promise.resolve(signer)
          : Promise.reject(
              CliFailure.of("wrong-passphrase", "Cannot open the publisher's key: the passphrase is wrong"),
            ),
    }),
    connect: () => Promise.resolve(monitor.client),
    attach: () => Promise.resolve(setting.starting === undefined ? monitor.client : null),
    attachStarting: () => Promise.resolve(monitor.client),
    starting: () => setting.starting?.() ?? Promise.resolve(null),
    dropIndex: () => Promise.resolve([]),
  });
  const screen = (name: "out" | "err"): CliPowers["out"] => ({
    write: (part) => {
      text[name] += part;
    },
    columns: 80,
    colour: setting.colour ?? false,
    terminal: false,
  });
  const missing = (what: string): Promise<never> => Promise.reject(new TypeError(`the test has no ${what}`));
  const powers: CliPowers = {
    version: "0.1.0",
    program: "/opt/aios/bin/aios",
    speaker: "/opt/aios/src/main/mcp-stdio.ts",
    out: screen("out"),
    err: screen("err"),
    person: setting.typed === undefined ? null : person,
    board: () => null,
    files: {
      read: (path) => {
        const found = setting.files?.[path];
        return found === undefined
          ? Promise.reject(CliFailure.of("file-unreadable", `Cannot read ${path}: it does not exist`))
          : Promise.resolve(found);
      },
      exists: (path) => Promise.resolve(setting.files?.[path] !== undefined),
    },
    drafts: createDrafts(createCrypto()),
    doors: setting.doors ?? { post: () => missing("gate"), browse: () => missing("browser") },
    backups: { begin: () => missing("backup"), restore: () => missing("backup") },
    recovery: {
      make: (codes) =>
        Promise.resolve(
          Array.from({ length: codes }, (_, at) => ({
            text: `${at + 1}-code`,
            salt: "ab".repeat(16),
            signer: createTestSigner(),
          })),
        ),
      open: (said) => Promise.resolve(said === "1-code" ? signer : null),
    },
    crypto: createCrypto(),
    random: { hex: (count) => "ab".repeat(count) },
    timer: { after: () => () => undefined },
    now: () => NOW,
    offset: () => 0,
    detonation: { run: () => missing("extension") },
    vetting: { read: () => missing("extension"), tools: () => missing("parser") },
    resolve: (path) => (path.startsWith("/") ? path : `/work/${path}`),
    home,
    standing: () => "/work",
    profiles: {
      list: () => Object.keys(setting.profiles ?? {}),
      read: (name) => Promise.resolve(setting.profiles?.[name] ?? ""),
    },
    packages: { find: () => missing("packages") },
    serve: () => Promise.resolve(0),
    look: () => {
      throw new Error("this command looks at no machine");
    },
    probe: () =>
      Promise.resolve([
        { name: "bubblewrap", state: "missing", found: "not installed", hint: "apt-get install bubblewrap" },
      ]),
    logs: {
      verify: () =>
        Promise.resolve(setting.verified ?? { kind: "verified", lines: ["42 records"], facts: { size: 42 } }),
      check: () => Promise.resolve(setting.verified ?? { kind: "verified", lines: ["record 3"], facts: { seq: 3 } }),
      memory: () => missing("file of memory"),
      folder: (path) => `${path}/log`,
    },
    sources: {
      inspect: (path) => Promise.resolve(setting.sources?.[path] === undefined ? null : "folder"),
      lend: () => missing("source"),
      read: ({ path }) => {
        const found = setting.sources?.[path];
        return found === undefined ? missing("source") : Promise.resolve(found);
      },
      registry: () => Promise.resolve("https://registry.example"),
    },
    witnesses: { serve: () => missing("witness"), seen: () => Promise.resolve([]) },
    agents: {
      offerStreams: () =>
        Promise.resolve({
          terminal: null,
          ended: Promise.resolve(),
          flow: () => undefined,
          hold: () => undefined,
          stop: () => undefined,
        }),
      findProgram: (command) => Promise.resolve({ command, code: [] }),
    },
    notice: (title, said) => void notices.push(`${title}: ${said}`),
    makeSample: () => missing("sample"),
    interrupted: () => new Promise(() => undefined),
  };
  return { powers, monitor, signer, prompts, notices, out: () => text.out, err: () => text.err };
}

function createTestSigner(): Signer {
  const { privateKey } = generateKeyPairSync("ed25519");
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return {
    publicKey: new Uint8Array(spki.subarray(-32)),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  };
}
