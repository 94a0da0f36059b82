import { expect, test } from "vitest";
import type { Grant } from "../kernel/grant.ts";
import { NET_TOOLS } from "../kernel/net.ts";
import { channelAllows } from "../protocol/short-channels.ts";
import { networkAllows } from "../protocol/short-network.ts";
import { describeGrant } from "./describe-grant.ts";

const GRANT: Grant = {
  v: 1,
  id: "net",
  agents: ["surfer"],
  drivers: {
    net: { source: { kind: "net" }, pin: `sha256:${"1".repeat(64)}`, tools: NET_TOOLS, resources: [], prompts: [] },
  },
  allow: [
    ...networkAllows({
      to: "https://api.example.com",
      allow: ["GET /repos/acme", "POST /"],
      pass: false,
      forward: null,
    }),
    ...networkAllows({ to: "https://files.example.org:8443", allow: [], pass: true, forward: null }),
    { what: "net/fetch", where: { host: { equals: "example.org" } } },
  ],
  limits: { uses: null, rate: null, bytes: null, notBefore: 0, expires: 8 * 3_600_000 },
  lease: false,
  sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
};

const shown = (grant: Grant): string =>
  describeGrant(grant, { now: 0, offset: 0, columns: 400, servers: true })
    .map(({ pieces }) => pieces.map((piece) => piece.text).join(""))
    .join("\n");

test("what a grant says of the network is shown in words, and what it leaves open too", () => {
  const text = shown(GRANT);
  expect(text).toContain(
    "ask method GET or HEAD, scheme https, host api.example.com, port 443, path /repos/acme and below: runs, and asks you once it has read both words from outside and private data",
  );
  expect(text).toContain(
    "send to method POST, scheme https, host api.example.com, port 443, path / and everything below: asks you every time",
  );
  expect(text).toContain("open a tunnel to host files.example.org, port 8443: asks you every time");
  expect(text).toContain("ask any method, any scheme, host example.org, any port, any path: runs");
  expect(text).toContain("any file of yours, the rest of the network, any program but its own");
  expect(text).toContain("what it sends to a host of the network has left this machine");
  expect(text).toContain("of what is passed through nobody sees what is asked, sent or answered");
  expect(text).toContain("built into the substrate");
  expect(text).toContain(`pin sha256:${"1".repeat(64)}`);
});

test("a grant says of each server what it sees of the folder, and takes no more from a person than that", () => {
  const source = { kind: "ext", extension: `sha256:${"2".repeat(64)}`, command: ["node", "x.js"], workspace: "write" };
  const of = (workspace: "none" | "read" | "write"): string =>
    shown({
      ...GRANT,
      drivers: { notes: { ...GRANT.drivers["net"], source: { ...source, workspace } } },
      allow: [],
      sandbox: { ...GRANT.sandbox, folder: "/srv/notes" },
    } as Grant);
  expect(of("write")).toContain("the server notes reads and writes in the folder /srv/notes when it is called");
  expect(of("read")).toContain("the server notes reads in the folder /srv/notes when it is called");
  for (const seen of ["read", "write"] as const) expect(of(seen)).toContain("any other file of yours, the network");
  expect(of("none")).toContain("any file of yours, the network");
  expect(of("none")).not.toContain("/srv/notes when it is called");
});

test("a channel says whom the bot may write to, and what happens with anybody else", () => {
  const bot = { kind: "telegram", secret: "bot", variable: "BOT", to: ["123456", "@team"], previews: false } as const;
  const channel = { ...bot, send: ["sendMessage"], read: ["getUpdates"], at: "https://api.telegram.org" };
  const text = shown({ ...GRANT, allow: channelAllows(channel) });
  const place = "account bot, scheme https, host api.telegram.org, port 443";
  expect(text).toContain(
    `say chat telegram, api sendMessage, to 123456 or @team, previews false, ${place}: runs without asking`,
  );
  expect(text).toContain(
    `say chat telegram, api sendMessage, any to, previews false, ${place}: asks, unless this grant or you named the recipient`,
  );
  expect(text).toContain(`read chat telegram, api getUpdates, ${place}: runs`);
});

test("a forwarded port says where it leads and that nobody looks at it", () => {
  const forward = networkAllows({ to: "localhost:5432", allow: [], pass: false, forward: 15_432 });
  const text = shown({ ...GRANT, allow: forward });
  expect(text).toContain("open a plain connection to host localhost, port 5432, inside 15432: asks you every time");
  expect(text).toContain("of what goes through a forwarded port nobody sees anything");
  expect(text).not.toContain("of what is passed through");
  expect(shown(GRANT)).not.toContain("forwarded port");
});

test("under a lease nobody is asked, and it says so; without the network nothing of it is said", () => {
  expect(shown({ ...GRANT, lease: true, limits: { ...GRANT.limits, uses: 3 } })).toContain(
    "open a tunnel to host files.example.org, port 8443: runs without asking: this is a lease",
  );
  const none = shown({ ...GRANT, drivers: {}, allow: [] });
  expect(none).toContain("any file of yours, the network, any program but its own");
  expect(none).not.toContain("has left this machine");
});
