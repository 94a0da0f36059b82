import { expect, test } from "vitest";
import { offeredLine, pushLines, readGitRequest, readPushCommands, refusalLines } from "./git-wire.ts";

const [ONE, TWO, ZERO] = ["1".repeat(40), "2".repeat(40), "0".repeat(40)];

test("a client's first words are one of two commands for a repository", () => {
  const place = { user: "git", host: "example.org", port: 22, path: "/me/x.git" };
  expect(readGitRequest("git-upload-pack /git@example.org:22/me/x.git\0host=127.0.0.1:3130\0\0version=2\0")).toEqual({
    ...place,
    service: "fetch",
    protocol: 2,
  });
  expect(readGitRequest("git-receive-pack /git@example.org:22/me/x.git\0host=127.0.0.1:3130\0")).toEqual({
    ...place,
    service: "push",
    protocol: 0,
  });
  const bad = [
    "git-upload-archive /git@example.org:22/x\0",
    "git-upload-pack /git@example.org:22/x",
    "git-upload-pack /git@example.org:22\0",
    "git-upload-pack /git@example.org:022/x\0",
    "git-upload-pack /git@example.org:70000/x\0",
    "git-upload-pack /example.org:22/x\0",
    "git-upload-pack /git@example.org:22/x\0host=x\0\0version=2\0more=1\0",
    "git-upload-pack /git@example.org:22/x y\0",
    "git-upload-pack  /git@example.org:22/x\0",
    "x git-upload-pack /git@example.org:22/x\0",
  ];
  for (const line of bad) expect([line, readGitRequest(line)]).toEqual([line, null]);
});

test("the commands of a push are read, and written as they were decided", () => {
  const lines = [
    `shallow ${TWO}`,
    `${ONE} ${TWO} refs/heads/main\0 report-status-v2 side-band-64k`,
    `${ZERO} ${ONE} refs/tags/v1`,
  ];
  const commands = {
    shallow: [TWO],
    updates: [
      { ref: "refs/heads/main", old: ONE, new: TWO },
      { ref: "refs/tags/v1", old: ZERO, new: ONE },
    ],
    capabilities: ["report-status-v2", "side-band-64k"],
  };
  expect(readPushCommands(lines)).toEqual(commands);
  expect(pushLines(commands)).toEqual(lines);
});

test.each([
  [`push-cert\0report-status`],
  [`${ONE} ${TWO} HEAD\0`],
  [`${ONE} ${TWO} refs/heads/x`],
  [`${ONE} ${TWO} refs/heads/x\0 push-options`],
  [`${ONE} ${TWO} refs/heads/x\0 agent=git/2`],
  [`${ONE} ${TWO} refs/heads/ä\0`],
  [`${ONE}  ${TWO} refs/heads/x\0`],
])("what is no plain change of a ref is refused: %s", (line) => {
  expect(typeof readPushCommands([line])).toBe("string");
});

test("capabilities stand behind the first command only", () => {
  const first = `${ONE} ${TWO} refs/heads/x\0 atomic`;
  expect(typeof readPushCommands([first, `${ONE} ${TWO} refs/heads/y\0 atomic`])).toBe("string");
  expect(typeof readPushCommands([first, `shallow ${ONE}`])).toBe("string");
});

test("a client is offered nothing that would not be passed on", () => {
  const line = `${ONE} refs/heads/main\0report-status push-options delete-refs push-cert=x agent=git/2 object-format=sha1\n`;
  expect(offeredLine(line)).toBe(`${ONE} refs/heads/main\0report-status delete-refs object-format=sha1\n`);
  expect(offeredLine("version 1\n")).toBe("version 1\n");
});

test("a push that is stopped is told like one that a server refuses", () => {
  expect(refusalLines([{ ref: "refs/heads/x", old: ONE, new: TWO }], "no")).toEqual([
    "unpack ok\n",
    "ng refs/heads/x no\n",
  ]);
});
