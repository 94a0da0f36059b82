import { describe, expect, test } from "vitest";
import type { DriverSource } from "../../kernel/grant.ts";
import { Refusal } from "../faults.ts";
import type { ExtensionState } from "../state.ts";
import { toBase64 } from "../../protocol/bytes.ts";
import { CRYPTO } from "../../../test/fakes/open-log.ts";
import type { Signer } from "../../platform/powers.ts";
import { createSigner } from "../../platform/keys/signer.ts";
import type { TreeFile } from "../../protocol/extension-table.ts";
import { digestOfSigned, PUBLISHER_FILE, sealPublication, type Publication } from "../../protocol/publisher.ts";
import { NO_PUBLISHERS, type Publishers } from "../../protocol/publishers.ts";
import { type Extensions, openTree, requireStanding, standingOf } from "./opening.ts";

const ID = `sha256:${"1".repeat(64)}`;
const SOURCE = { kind: "ext", extension: ID, command: ["node"], workspace: "none" } as const satisfies DriverSource;
const ADDED: ExtensionState = {
  id: ID,
  manifest: ID,
  kind: "npm",
  name: "notes",
  version: null,
  source: "notes.tgz",
  at: 0,
  quarantined: null,
};

const stateOf = (extensions: Extensions["extensions"], more: Partial<Extensions> = {}): Extensions => ({
  extensions,
  barred: new Map(),
  published: new Map(),
  publishers: NO_PUBLISHERS,
  ...more,
});

/** Opens a tree of which `read` is what the store finds; `meanwhile` happens while it reads. */
async function open(
  there: ExtensionState | null,
  {
    read = ID,
    meanwhile = () => {},
    files = [],
    text = null,
    more = {},
  }: {
    read?: string | Error;
    meanwhile?: (all: Map<string, ExtensionState>) => void;
    files?: readonly TreeFile[];
    /** Of the file with its publisher's signature. */
    text?: string | null;
    more?: Partial<Extensions>;
  } = {},
): Promise<string> {
  const extensions = new Map(there === null ? [] : [[ID, there]]);
  const store = {
    treeOf: () => "/home/tree",
    read: async () => {
      await Promise.resolve();
      meanwhile(extensions);
      if (read instanceof Error) throw read;
      return { digest: read, bytes: 1, files };
    },
    text: () => Promise.resolve(text),
  };
  const state = stateOf(extensions, more);
  return await openTree(SOURCE, { state, store, crypto: CRYPTO }).catch((error: unknown) =>
    error instanceof Refusal ? error.code : String(error),
  );
}

test("what was added, and is not in quarantine, starts from its tree when that is what its id says", async () => {
  expect(await open(ADDED)).toBe("/home/tree");
  expect(await open(null)).toBe("unknown-extension");
  expect(await open({ ...ADDED, quarantined: "why" })).toBe("extension-quarantined");
  expect(await open(ADDED, { read: `sha256:${"2".repeat(64)}` })).toBe("extension-damaged");
  // Not known to be something else: it starts nothing, and nobody puts it into quarantine for that.
  expect(await open(ADDED, { read: new Error("it took too long") })).toBe("extension-failed");
});

test("what was taken back while it was read does not start", async () => {
  const quarantine = (all: Map<string, ExtensionState>): unknown => all.set(ID, { ...ADDED, quarantined: "why" });
  expect(await open(ADDED, { meanwhile: quarantine })).toBe("extension-quarantined");
  expect(await open(ADDED, { meanwhile: (all) => all.delete(ID) })).toBe("unknown-extension");
});

test("a server of another kind stands whatever is in the store", () => {
  const stdio = { kind: "stdio", command: ["node"], code: [], workspace: "none" } as const;
  expect(standingOf(stdio, stateOf(new Map()))).toBe("stands");
  expect(standingOf(SOURCE, stateOf(new Map()))).toBe("gone");
  // Added anew after a quarantine: for an owner to sign for, and until then not started.
  const lapsed = stateOf(new Map([[ID, ADDED]]), { barred: new Map([[ID, "its author's account was taken over"]]) });
  expect(standingOf(SOURCE, lapsed)).toBe("lapsed");
  expect(() => requireStanding(SOURCE, lapsed)).not.toThrow();
});

describe("where only admitted publishers' servers run", () => {
  const [acme, other] = [1, 2].map((fill) => toBase64(new Uint8Array(32).fill(fill))) as [string, string];
  const signed = (key: string): Publication => ({ kind: "signed", key });
  const admitted = (names: Readonly<Record<string, string>>, only = true): Publishers => ({
    only,
    admitted: new Map(Object.entries(names)),
  });
  const standing = (publication: Publication | null, publishers: Publishers, source: DriverSource = SOURCE) => {
    const published = new Map(publication === null ? [] : [[ID, publication]]);
    return standingOf(source, stateOf(new Map([[ID, ADDED]]), { published, publishers }));
  };

  test("one stands that an admitted key signed, and no other", () => {
    expect(standing(signed(acme), admitted({ acme }))).toBe("stands");
    expect(standing(null, admitted({ acme }))).toBe("unpublished");
    expect(standing({ kind: "refused", why: "another digest" }, admitted({ acme }))).toBe("unpublished");
    expect(standing(signed(acme), admitted({}))).toBe("unpublished");
    // The same name, and another key.
    expect(standing(signed(other), admitted({ acme }))).toBe("unpublished");
    expect(standing(signed(other), admitted({ acme }, false))).toBe("stands");
  });

  test("a program or an address of a grant has no publisher, and a device of ours needs none", () => {
    const stdio = { kind: "stdio", command: ["node"], code: [], workspace: "none" } as const;
    const http = { kind: "http", url: "https://mcp.example.com/mcp" } as const;
    for (const source of [stdio, http]) {
      expect(standing(null, admitted({ acme }), source)).toBe("unpublished");
      expect(standing(null, admitted({ acme }, false), source)).toBe("stands");
    }
    for (const kind of ["net", "infer", "memory", "git-ssh"] as const)
      expect(standing(null, admitted({}), { kind })).toBe("stands");
  });

  test("starts by the signature over what is read then, and not by what stands in the log of it", async () => {
    const [signer, thief] = [1, 2].map((fill) => createSigner(new Uint8Array(32).fill(fill))) as [Signer, Signer];
    const key = toBase64(signer.publicKey);
    const file = (path: string, body: string): TreeFile => {
      const sha256 = CRYPTO.digest(body).slice("sha256:".length);
      return { path, executable: false, bytes: body.length, sha256 };
    };
    const code = [file("index.js", "export {};")];
    const seal = (by: Signer, version: string | null = null): string => {
      const about = { kind: "npm", name: "notes", version, digest: digestOfSigned(code, CRYPTO) } as const;
      return sealPublication(about, by, CRYPTO);
    };
    // Somebody who writes in the home has it stand there that the admitted key signed it.
    const more = { published: new Map([[ID, signed(key)]]), publishers: admitted({ acme: key }) };
    const start = (text: string | null, files = text === null ? [] : [file(PUBLISHER_FILE, text)]): Promise<string> =>
      open(ADDED, { text, files: [...files, ...code], more });
    expect(await start(seal(signer))).toBe("/home/tree");
    expect(await start(null)).toBe("publisher-unknown");
    expect(await start(seal(thief))).toBe("publisher-unknown");
    expect(await start(seal(signer, "1.0.0"))).toBe("publisher-unknown");
    expect(await start(seal(signer), [file(PUBLISHER_FILE, seal(thief))])).toBe("publisher-unknown");
    // Where nobody wants it signed, nobody reads it.
    expect(await open(ADDED, { files: code, more: { publishers: admitted({ acme: key }, false) } })).toBe("/home/tree");
  });

  test("is said with what is missing, and with what lifts it", () => {
    const why = (published: Extensions["published"]): unknown => {
      const state = stateOf(new Map([[ID, ADDED]]), { published, publishers: admitted({}) });
      try {
        return requireStanding(SOURCE, state);
      } catch (error) {
        return error;
      }
    };
    expect(why(new Map())).toMatchObject({
      code: "publisher-unknown",
      message: expect.stringContaining("nobody signed"),
    });
    expect(why(new Map([[ID, signed(acme)]]))).toMatchObject({ message: expect.stringContaining(acme) });
    expect(why(new Map([[ID, { kind: "refused", why: "x" }]]))).toMatchObject({
      message: expect.stringContaining("does not hold: x"),
    });
  });
});
