import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalize } from "./canonical.ts";
import { MAX_LEASE_MS } from "./grant-decoder.ts";
import { allowParts } from "./grant.ts";
import { decodeGrant } from "./grant-decoder.ts";
import { isObject, type JsonObject, type JsonValue } from "./json.ts";

const PIN = `sha256:${"a".repeat(64)}`;
const CLASSES: JsonObject = {
  read: { risk: "observe", labels: ["private"], fields: { path: "path" }, recipients: {} },
  write: { risk: "reserved", labels: [], fields: { path: "path", text: "string" }, recipients: {} },
  send: {
    risk: "reach",
    labels: [],
    fields: { amount: "decimal", urgent: "bool", n: "long", tags: "strings" },
    recipients: { to: "email" },
  },
  wipe: { risk: "prohibited", labels: [], fields: {}, recipients: {} },
  reboot: { risk: "reserved", labels: [], fields: {}, recipients: {} },
};
const SOURCE: JsonObject = { kind: "stdio", command: ["node", "/opt/s.js"], code: ["/opt"], workspace: "read" };
const DRIVER: JsonObject = {
  source: SOURCE,
  pin: PIN,
  tools: CLASSES,
  resources: ["file:///workspace/"],
  prompts: ["hello world"],
};
const LIMITS: JsonObject = { uses: 3, rate: { count: 1, seconds: 60 }, bytes: 1000, notBefore: 1000, expires: 2000 };
const GRANT: JsonObject = {
  v: 1,
  id: "g-1",
  agents: ["worker"],
  drivers: { files: DRIVER },
  allow: [{ what: "files/read", where: { path: { under: "/workspace" } } }],
  limits: LIMITS,
  lease: false,
  sandbox: { workspace: "read", folder: null, programs: "none", home: null, ports: [] },
};

function refusal(value: JsonValue): string {
  const decoded = decodeGrant(value);
  return decoded.kind === "ok" ? "ok" : decoded.message;
}
function withDriver(change: JsonObject): JsonValue {
  return { ...GRANT, allow: [], drivers: { files: { ...DRIVER, ...change } } };
}
function withAllow(what: string, where: JsonObject = {}, change: JsonObject = {}): JsonValue {
  return { ...GRANT, allow: [{ what, where }], ...change };
}
function limitsWith(change: JsonObject): string {
  return refusal({ ...GRANT, limits: { ...LIMITS, ...change } });
}
function sourceWith(change: JsonObject): string {
  return refusal(withDriver({ source: { ...SOURCE, ...change } }));
}
function withUrl(url: string): JsonValue {
  return withDriver({ source: { kind: "http", url } });
}

describe("decodeGrant", () => {
  it("takes a whole grant and gives it back as it was, frozen and without prototypes in its maps", () => {
    const decoded = decodeGrant(GRANT);
    expect(decoded).toEqual({ kind: "ok", value: GRANT });
    if (decoded.kind !== "ok") return;
    expect(Object.isFrozen(decoded.value.drivers["files"]?.tools["read"]?.labels)).toBe(true);
    expect(decoded.value.drivers["constructor"]).toBeUndefined();
    expect(canonicalize({ ...GRANT })).toBe(canonicalize(JSON.parse(JSON.stringify(decoded.value))));
  });

  it("takes published ports whose every field has one spelling, none of a name twice", () => {
    const port = { name: "web", inside: 80, outside: 8080, keys: ["A".repeat(43)] };
    const withPorts = (...ports: JsonValue[]): string =>
      refusal({ ...GRANT, sandbox: { workspace: "none", folder: null, programs: "any", home: null, ports } });
    expect(withPorts(port)).toBe("ok");
    expect(withPorts(port, { ...port, outside: 8081 })).toBe('sandbox.ports: "web" a second time');
    expect(withPorts({ ...port, outside: 80 })).toBe("sandbox.ports[0].outside: not a whole number from 1024 to 65535");
    expect(withPorts({ ...port, inside: 0 })).toContain("sandbox.ports[0].inside: ");
    expect(withPorts({ ...port, name: "web.evil" })).toContain("sandbox.ports[0].name: ");
    expect(withPorts({ ...port, keys: [`${"A".repeat(42)}B`] })).toContain("sandbox.ports[0].keys[0]: ");
    expect(withPorts({ ...port, address: "0.0.0.0" })).toContain('unknown field "address"');
  });

  it("refuses a field more or a field less at every level, naming the path", () => {
    const paths: string[] = [];
    const visit = (value: JsonValue, rebuild: (changed: JsonValue) => JsonValue, path: string): void => {
      if (!isObject(value)) return;
      const object = value;
      const isMap = /(?:drivers|tools|fields|recipients|where)$/.test(path);
      if (!isMap) {
        expect(refusal(rebuild({ ...object, extra: 1 })), path).toContain('unknown field "extra"');
        paths.push(path);
      }
      for (const [key, item] of Object.entries(object)) {
        const { [key]: _, ...rest } = object;
        if (!isMap) expect(refusal(rebuild(rest)), `${path}.${key}`).not.toBe("ok");
        visit(item, (changed) => rebuild({ ...object, [key]: changed }), path === "" ? key : `${path}.${key}`);
      }
    };
    visit(GRANT, (changed) => changed, "");
    expect(paths).toEqual([
      "",
      "drivers.files",
      "drivers.files.source",
      ...Object.keys(CLASSES).map((tool) => `drivers.files.tools.${tool}`),
      "limits",
      "limits.rate",
      "sandbox",
    ]);
  });

  it("never throws and never takes a value of another type at any place", () => {
    const junk = fc.constantFrom<JsonValue>(null, true, -1, 0.5, "", "x", [], {}, [[]], { kind: "stdio" });
    const places = leaves(GRANT);
    fc.assert(
      fc.property(fc.constantFrom(...places), junk, (place, value) => {
        const changed = put(GRANT, place, value);
        const decoded = decodeGrant(changed);
        if (decoded.kind === "ok")
          expect(canonicalize(JSON.parse(JSON.stringify(decoded.value)))).toBe(canonicalize(changed));
        else expect(decoded.message).not.toBe("");
      }),
      { numRuns: 1000 },
    );
  });

  it("names the path of what is wrong", () => {
    expect(refusal({ ...GRANT, v: 2 })).toBe("v: not 1");
    expect(refusal({ ...GRANT, id: "G" })).toBe("id: not a grant id");
    expect(refusal({ ...GRANT, agents: [] })).toBe("agents: no agent is named");
    expect(refusal({ ...GRANT, agents: ["a", "a"] })).toBe('agents: "a" a second time');
    expect(refusal({ ...GRANT, agents: ["a", "*"] })).toBe("agents[1]: not an agent name");
    expect(refusal({ ...GRANT, lease: 1 })).toBe("lease: not true or false");
    const NONE = { workspace: "none", folder: null, programs: "none", home: null, ports: [] };
    expect(refusal({ ...GRANT, sandbox: { ...NONE, workspace: "all" } })).toBe(
      "sandbox.workspace: not one of none, read, write",
    );
    expect(refusal({ ...GRANT, sandbox: { ...NONE, programs: "some" } })).toBe(
      "sandbox.programs: not one of none, any",
    );
    expect(refusal({ ...GRANT, sandbox: { workspace: "none", folder: null } })).toBe("sandbox.programs: missing");
    expect(refusal({ ...GRANT, sandbox: { ...NONE, folder: "/srv/../etc" } })).toMatch(/^sandbox.folder: a path/);
    expect(refusal({ ...GRANT, sandbox: { ...NONE, home: { bytes: 1 } } })).toMatch(/^sandbox.home/);
    expect(refusal(withDriver({ pin: PIN.toUpperCase() }))).toMatch(/^drivers\.files\.pin: /);
    expect(refusal(withDriver({ resources: ["file:///a/../b"] }))).toMatch(
      /^drivers\.files\.resources\[0\]: a URI with more/,
    );
    expect(refusal([])).toBe("not an object");
  });

  it("refuses the substrate's own name, as a driver and as what is allowed", () => {
    expect(refusal({ ...GRANT, allow: [], drivers: { aios: DRIVER } })).toBe('drivers: "aios" is the substrate itself');
    expect(refusal(withAllow("aios/approve", {}, { drivers: {} }))).toBe(
      'allow[0].what: "aios" is the substrate itself',
    );
    expect(refusal({ ...GRANT, allow: [], drivers: { aiosx: DRIVER } })).toBe("ok");
  });

  it("refuses what cannot be allowed, and drivers that nobody declared here", () => {
    expect(refusal(withAllow("files/wipe"))).toBe('allow[0].where: the tool "wipe" is prohibited');
    expect(refusal(withAllow("mail/send"))).toBe('allow[0].what: this grant declares no driver "mail"');
    expect(refusal(withAllow("mail/send", {}, { drivers: {} }))).toBe("ok");
    expect(refusal(withAllow("files/write"))).toBe("ok");
    expect(refusal(withAllow("files/unheard-of"))).toBe("ok");
    for (const what of [
      "files",
      "files/",
      "/read",
      "files//",
      "files:read",
      "Files/read",
      "files/ read",
      "*",
      "*/read",
    ]) {
      if (what !== "files//") expect(refusal(withAllow(what)), what).not.toBe("ok");
    }
  });

  it("refuses conditions that nothing could meet, since nobody would notice them", () => {
    const send = (where: JsonObject): string => refusal(withAllow("files/send", where));
    for (const where of [
      { to: { equals: "a@b.example" } },
      { to: { in: ["a@b.example", "c@d.example"] } },
      { amount: { max: 10.5 }, n: { max: 3 }, urgent: { equals: false }, tags: { in: ["a"] } },
      { amount: { equals: 1.25 } },
    ]) {
      expect(send(where), JSON.stringify(where)).toBe("ok");
    }
    for (const where of [
      { nobody: { equals: "a" } },
      { to: { under: "/a" } },
      { to: { max: 1 } },
      { to: { equals: 1 } },
      { to: { in: [] } },
      { to: { in: ["a", "a"] } },
      { to: { in: [1] } },
      { to: { equals: "a", in: ["a"] } },
      { to: {} },
      { to: "a@b.example" },
      { to: { matches: ".*" } },
      { n: { equals: 0.5 } },
      { urgent: { equals: "true" } },
      { urgent: { max: 1 } },
      { __proto__x: { equals: "a" } },
    ]) {
      expect(send(where), JSON.stringify(where)).toMatch(/^allow\[0\]\.where/);
    }
    expect(refusal(withAllow("files/read", { path: { under: "/a/../b" } }))).toMatch(/more than one reading/);
    expect(refusal(withAllow("files/read", { path: { under: "workspace" } }))).toMatch(
      /^allow\[0\]\.where\.path\.under/,
    );
    expect(refusal(withAllow("files#file:///workspace/", { uri: { equals: "x" } }))).toMatch(/only calls/);
    expect(refusal(withAllow("files/unheard-of", { path: { equals: "x" } }))).toMatch(/not a condition that its type/);
  });

  it("holds limits to sense", () => {
    expect(limitsWith({ uses: null, rate: null, bytes: null })).toBe("ok");
    expect(limitsWith({ expires: 1000 })).toBe("limits.expires: not after notBefore");
    expect(limitsWith({ expires: 8_640_000_000_000_001 })).toMatch(/^limits\.expires: not a whole number/);
    expect(limitsWith({ notBefore: -1 })).toMatch(/^limits\.notBefore/);
    expect(limitsWith({ uses: 0 })).toMatch(/^limits\.uses/);
    expect(limitsWith({ uses: 1.5 })).toMatch(/^limits\.uses/);
    expect(limitsWith({ bytes: 0 })).toMatch(/^limits\.bytes/);
    expect(limitsWith({ rate: { count: 0, seconds: 1 } })).toMatch(/^limits\.rate\.count/);
    expect(limitsWith({ rate: { count: 10_001, seconds: 1 } })).toMatch(/^limits\.rate\.count/);
    expect(limitsWith({ rate: { count: 1, seconds: 0 } })).toMatch(/^limits\.rate\.seconds/);
  });

  it("wants a lease counted, short and exact", () => {
    const path = { path: { equals: "/workspace/a" } };
    const lease = (change: JsonObject, where: JsonObject = path, what = "files/write"): string =>
      refusal(withAllow(what, where, { lease: true, limits: { ...LIMITS, ...change } }));
    expect(lease({})).toBe("ok");
    expect(lease({ expires: 1000 + MAX_LEASE_MS })).toBe("ok");
    expect(lease({ expires: 1001 + MAX_LEASE_MS })).toBe("limits.expires: a lease lasts at most seven days");
    expect(lease({ uses: null })).toBe("limits.uses: a lease is counted");
    expect(lease({}, {})).toBe("allow[0].where: a lease must say which calls of this tool it is for");
    expect(lease({}, {}, "files/send")).toMatch(/^allow\[0\]\.where/);
    expect(lease({}, { to: { equals: "a@b.example" } }, "files/send")).toBe("ok");
    expect(lease({}, {}, "files/read")).toBe("ok");
    expect(lease({}, {}, "files/reboot")).toBe("ok");
  });

  it("takes http drivers over https, and plain http on this machine only", () => {
    for (const url of [
      "https://mcp.example.com/mcp",
      "https://mcp.example.com/",
      "https://a.example",
      "http://localhost:3000/mcp",
      "http://127.0.0.1:1/",
    ]) {
      expect(refusal(withUrl(url)), url).toBe("ok");
    }
    for (const url of [
      "http://mcp.example.com/mcp",
      "https://user:pass@mcp.example.com/",
      "https://mcp.example.com/?q",
      "https://mcp.example.com/#f",
      "https://mcp.example.com/a/../b",
      "https://mcp.example.com/a//b",
      "https://mcp.example.com/%2e%2e",
      "https://10.0.0.1/",
      "file:///etc/passwd",
      "",
    ]) {
      expect(refusal(withUrl(url)), url).toMatch(/^drivers\.files\.source\.url: /);
    }
  });

  it("takes a server from the store by the digest of all its bytes, and nothing of the host's beside it", () => {
    const ext = { kind: "ext", extension: PIN, command: ["node", "/extension/index.js"], workspace: "read" };
    const withSource = (source: JsonObject): string => refusal(withDriver({ source }));
    expect(withSource(ext)).toBe("ok");
    expect(withSource({ ...ext, code: ["/opt"] })).toMatch(/^drivers\.files\.source/u);
    expect(withSource({ ...ext, extension: "notes@1.0.0" })).toMatch(/^drivers\.files\.source\.extension/u);
    expect(withSource({ ...ext, extension: PIN.toUpperCase() })).toMatch(/^drivers\.files\.source\.extension/u);
    expect(withSource({ ...ext, command: [] })).toBe("drivers.files.source.command: no program is named");
    expect(sourceWith({ extension: PIN })).toMatch(/^drivers\.files\.source/u);
  });

  it("takes code from absolute canonical paths only, and commands that can be shown", () => {
    expect(sourceWith({ code: [] })).toBe("ok");
    for (const path of ["opt", "/opt/../etc", "/opt//s", "/opt/", "/opt\u0000", "/proc/self/root"]) {
      expect(sourceWith({ code: [path] }), path).toMatch(/^drivers\.files\.source\.code\[0\]: /);
    }
    expect(sourceWith({ command: [] })).toMatch(/no program/);
    expect(sourceWith({ command: ["node", "a\u0000b"] })).toMatch(/^drivers\.files\.source\.command\[1\]: /);
    expect(sourceWith({ command: ["node", "a\u001b[2J"] })).toMatch(/command\[1\]/);
    expect(sourceWith({ url: "https://a.example" })).toMatch(/unknown field "url"/);
    expect(sourceWith({ kind: "shell" })).toMatch(/not a source/);
  });
});

describe("allowParts", () => {
  it("takes the three forms apart at the first mark", () => {
    expect(allowParts("files/read")).toEqual({ verb: "call", driver: "files", name: "read" });
    expect(allowParts("files#file:///a#b")).toEqual({ verb: "read", driver: "files", name: "file:///a#b" });
    expect(allowParts("files@a/b")).toEqual({ verb: "prompt", driver: "files", name: "a/b" });
    for (const what of ["", "files", "files/", "/x", "f_s/x", "files/é", "files/x ", "files/x\n"]) {
      expect(allowParts(what), what).toBeNull();
    }
  });
});

type Path = readonly (string | number)[];

function leaves(value: JsonValue, path: Path = []): readonly Path[] {
  const below =
    typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([key, item]) => leaves(item, [...path, key]))
      : [];
  return [path, ...below];
}

function put(value: JsonValue, [key, ...rest]: Path, changed: JsonValue): JsonValue {
  if (key === undefined) return changed;
  if (Array.isArray(value))
    return value.map((item: JsonValue, index) => (index === Number(key) ? put(item, rest, changed) : item));
  return isObject(value) ? { ...value, [key]: put(value[key] ?? null, rest, changed) } : value;
}

it("puts junk where it says", () => {
  expect(put({ a: [1, { b: 2 }] }, ["a", "1", "b"], "x")).toEqual({ a: [1, { b: "x" }] });
});
