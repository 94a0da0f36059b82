import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readUser } from "../e2e/user.ts";
import { connectClient, startSubstrate, type Ran, type Substrate } from "../e2e/substrate.ts";

/*
 * THREATS "Arguments that run something else". No rule here matches the words of a command: the sandbox is the boundary.
 * Each trick starts its program inside, three programs deep, which is recorded and has no effect outside; without the
 * capability to start programs it starts nothing; and its harmless twin works with that capability and without.
 */
interface Trick {
  /** Of the payload `p-NAME` in the workspace, which leaves `ran-NAME` there when it runs. */
  readonly name: string;
  /** Program that must be there. */
  readonly program: string;
  readonly words: (payload: string) => readonly string[];
  readonly environment?: (payload: string) => { readonly [name: string]: string };
  /** The same program with nothing hidden in its arguments. */
  readonly twin: readonly string[];
  /** `starts`: a program of its own. `loads`: the trick is code in the program itself, which starts nothing. */
  readonly how: "starts" | "loads";
  /** Whether the harmless twin starts other programs, as git does. */
  readonly twinStarts?: true;
}

const starts = (
  name: string,
  program: string,
  parts: { readonly words: Trick["words"]; readonly twin: readonly string[] } & Partial<Trick>,
): Trick => ({ name, program, how: "starts", ...parts });

const TRICKS: readonly Trick[] = [
  starts("find", "find", { words: (p) => [".", "-maxdepth", "0", "-exec", p, ";"], twin: [".", "-maxdepth", "0"] }),
  starts("tar", "tar", {
    words: (p) => ["-cf", "/tmp/x.tar", "--checkpoint=1", `--checkpoint-action=exec=${p}`, "text"],
    twin: ["-cf", "/tmp/y.tar", "text"],
  }),
  starts("tar-to", "tar", {
    words: (p) => ["-xf", "kept.tar", "-C", "/tmp", `--to-command=${p}`],
    twin: ["-xf", "kept.tar", "-C", "/tmp"],
  }),
  starts("sort", "sort", {
    words: (p) => ["-S", "1k", `--compress-program=${p}`, "-o", "/tmp/s", "large"],
    twin: ["-o", "/tmp/t", "text"],
  }),
  starts("sed", "sed", { words: (p) => [`1e ${p}`, "text"], twin: ["s/a/b/", "text"] }),
  starts("awk", "awk", { words: (p) => [`BEGIN { system("${p}") }`], twin: ["BEGIN { print 1 }"] }),
  starts("xargs", "xargs", { words: (p) => ["-a", "text", "-n1", p], twin: ["--version"] }),
  starts("env", "env", { words: (p) => [p], twin: [] }),
  starts("nice", "nice", { words: (p) => [p], twin: [] }),
  starts("timeout", "timeout", { words: (p) => ["5", p], twin: ["--version"] }),
  starts("git-alias", "git", { words: (p) => ["-c", `alias.z=!${p}`, "z"], twin: ["--version"] }),
  starts("git-upload", "git", {
    words: (p) => ["ls-remote", `--upload-pack=${p}`, "./repository"],
    twin: ["-C", "repository", "rev-parse", "HEAD"],
  }),
  starts("git-monitor", "git", {
    words: (p) => ["-C", "repository", "-c", `core.fsmonitor=${p}`, "status", "--short"],
    twin: ["-C", "repository", "status", "--short"],
  }),
  starts("git-diff", "git", {
    words: () => ["-C", "repository", "diff", "--ext-diff", "HEAD~1"],
    environment: (p) => ({ GIT_EXTERNAL_DIFF: p }),
    twin: ["-C", "repository", "diff", "--no-ext-diff", "HEAD~1"],
  }),
  starts("git-ssh", "git", {
    words: () => ["ls-remote", "ssh://nobody@localhost/x"],
    environment: (p) => ({ GIT_SSH_COMMAND: p }),
    twin: ["--version"],
  }),
  starts("ssh", "ssh", { words: (p) => ["-o", `ProxyCommand=${p}`, "nobody@localhost"], twin: ["-V"] }),
  starts("rg", "rg", { words: (p) => ["--pre", p, "a", "text"], twin: ["a", "text"] }),
  starts("zip", "zip", { words: (p) => ["-T", "-TT", p, "/tmp/z.zip", "text"], twin: ["-q", "/tmp/y.zip", "text"] }),
  starts("make", "make", { words: (p) => ["--no-print-directory", `--eval=all:;@${p}`, "all"], twin: ["--version"] }),
  starts("perl", "perl", { words: (p) => ["-e", `system("${p}")`], twin: ["-e", "print 1"] }),
  {
    name: "bash-env",
    program: "bash",
    how: "loads",
    words: () => ["-c", ":"],
    environment: (p) => ({ BASH_ENV: p }),
    twin: ["-c", ":"],
  },
  {
    name: "node-options",
    program: "/aios/node",
    how: "loads",
    words: () => ["-e", "0"],
    environment: (p) => ({ NODE_OPTIONS: `--require ${p}.cjs` }),
    twin: ["-e", "0"],
  },
  {
    name: "preload",
    program: "cat",
    how: "loads",
    words: () => ["text"],
    environment: (p) => ({ LD_PRELOAD: `${p}.so` }),
    twin: ["text"],
  },
  {
    name: "shadow",
    program: "python3",
    how: "loads",
    words: () => ["-c", "import shadowed_json"],
    environment: () => ({ PYTHONPATH: "/workspace/shadow" }),
    twin: ["-c", "import json"],
  },
];
const PLACES = ["/usr/bin", "/bin"];
const isThere = ({ program }: Trick): boolean =>
  program.startsWith("/aios/") || PLACES.some((place) => existsSync(join(place, program)));
const tricks = TRICKS.filter(isThere);

let aios: Substrate;
let outside: string;
const inside = (name: string): string => `/workspace/p-${name}`;
const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

beforeAll(async () => {
  for (const { name, program } of TRICKS.filter((trick) => !isThere(trick))) {
    console.warn(`NOT RUN: "${name}" needs ${program}`);
  }
  aios = await startSubstrate();
  outside = realpathSync(mkdtempSync(join(tmpdir(), "aios-outside-")));
  chmodSync(outside, 0o777);
  writeFileSync(join(outside, "canary"), "canary-2718\n", { mode: 0o644 });
  for (const { name } of tricks) writePayload(name);
  const at = (path: string): string => join(aios.workspace, path);
  writeFileSync(at("text"), "a\n");
  writeFileSync(at("large"), Array.from({ length: 20_000 }, (_, line) => `${(line * 7919) % 20_011}`).join("\n"));
  const made = spawnSync(
    "sh",
    [
      "-euc",
      `tar -cf kept.tar text; mkdir shadow; cp p-shadow.py shadow/shadowed_json.py
       mkdir repository; cd repository; git init -q; git config user.name d; git config user.email d@e
       for n in 1 2; do echo $n > n; git add n; git commit -qm $n; done
       cd ..; cc -shared -fPIC -o p-preload.so p-preload.c
       if [ -n "$1" ]; then chown -R "$1" .; fi`,
      "sh",
      process.geteuid?.() === 0 ? `${readUser("aios").uid}:${readUser("aios").gid}` : "",
    ],
    { cwd: aios.workspace, encoding: "utf8" },
  );
  if (made.status !== 0) throw new Error(made.stderr);
  await aios.grant({ id: "any", agents: ["any"], allow: [], workspace: "write", programs: "any" });
  await aios.grant({ id: "none", agents: ["none"], allow: [], workspace: "write", programs: "none" });
});
afterAll(async () => {
  await aios.stop();
  rmSync(outside, { recursive: true, force: true });
});

/** What each trick runs: it says that it ran, and reaches for what is outside. In the language that the trick needs. */
function writePayload(name: string): void {
  const put = (ending: string, text: string): void =>
    writeFileSync(join(aios.workspace, `p-${name}${ending}`), text, { mode: 0o755 });
  const ran = `/workspace/ran-${name}`;
  // Only words of the shell itself: what is loaded into a program can write without starting another.
  put(
    "",
    `#!/bin/sh\necho ran > ${ran}\nread -r secret < ${outside}/canary && echo "$secret" >> ${ran}\necho planted > ${outside}/planted-${name}\n:\n`,
  );
  put(
    ".cjs",
    `const fs = require("node:fs"); fs.writeFileSync("${ran}", "ran\\n");
     try { fs.appendFileSync("${ran}", fs.readFileSync("${outside}/canary")); } catch {}
     try { fs.writeFileSync("${outside}/planted-${name}", "planted"); } catch {}`,
  );
  put(
    ".py",
    `open("${ran}", "w").write("ran\\n")
try: open("${outside}/planted-${name}", "w").write("planted")
except OSError: pass
`,
  );
  put(
    ".c",
    `#include <stdio.h>
     __attribute__((constructor)) static void load(void) {
       FILE *f = fopen("${ran}", "w"); if (f) { fputs("ran\\n", f); fclose(f); }
       f = fopen("${outside}/planted-${name}", "w"); if (f) { fputs("planted", f); fclose(f); }
     }`,
  );
}

function commandOf({ name, program, words, environment }: Trick): string {
  const variables = Object.entries(environment?.(inside(name)) ?? {}).map(([key, value]) => `${key}=${quote(value)}`);
  return [...variables, program, ...words(inside(name)).map(quote)].join(" ");
}

async function startedBy({ instance }: Ran): Promise<string> {
  const { entries } = await aios.client.request("log-show", {
    from: 0,
    limit: 1000,
    instance,
    kinds: ["programs-started"],
  });
  return JSON.stringify(entries.map(({ payload }) => payload));
}

async function countStarted({ instance }: Ran): Promise<number> {
  const query = { from: 0, limit: 1000, instance, kinds: ["programs-started"] };
  const { entries } = await aios.client.request("log-show", query);
  return entries.reduce((sum, { record }) => sum + (record.kind === "programs-started" ? record.count : 0), 0);
}

function forget(): void {
  for (const file of readdirSync(aios.workspace)) if (file.startsWith("ran-")) rmSync(join(aios.workspace, file));
}
const hasRun = (name: string): boolean => existsSync(join(aios.workspace, `ran-${name}`));

describe("an agent that may start programs", () => {
  let ran: Ran;
  beforeAll(async () => {
    forget();
    const script = tricks.map((trick) => `( ${commandOf(trick)} ) > /dev/null 2>&1 < /dev/null`).join("\n");
    const nested = ["sh", "-c", `sh -c 'sh -c "$1"; :' x "$1"; :`, "x", `cat ${outside}/canary; ${script}\n:`];
    ran = await aios.run({ agent: "any", command: nested, workspace: aios.workspace });
  });

  test.each(tricks)("by $name starts its program inside, on record, with no effect outside", async ({ name, how }) => {
    expect(ran.state).toBe("ended");
    expect(hasRun(name)).toBe(true); // the trick works: nothing here is stopped by its words
    expect(ran.stdout).not.toContain("canary");
    expect(spawnSync("cat", [join(aios.workspace, `ran-${name}`)], { encoding: "utf8" }).stdout).toBe("ran\n");
    expect(existsSync(join(outside, `planted-${name}`))).toBe(false);
    if (how === "starts") expect(await startedBy(ran)).toContain(`p-${name}`);
  });

  test("twin: harmless arguments do what they do outside, and nothing hidden runs", async () => {
    forget();
    const script = tricks
      .map(
        ({ name, program, twin }) =>
          `( ${[program, ...twin.map(quote)].join(" ")} ) > /dev/null 2>&1 < /dev/null || echo failed ${name}`,
      )
      .join("\n");
    const twins = await aios.run({ agent: "any", command: ["sh", "-c", script], workspace: aios.workspace });
    expect(twins.stdout).toBe("");
    expect(tricks.filter(({ name }) => hasRun(name))).toEqual([]);
  });
});

describe("an agent that may not", () => {
  beforeAll(forget);
  test.concurrent.each(tricks.filter(({ how }) => how === "starts"))(
    "by $name starts nothing",
    async ({ name, program, words, environment }) => {
      const ran = await aios.run({
        agent: "none",
        command: [program, ...words(inside(name))],
        environment: environment?.(inside(name)) ?? {},
        workspace: aios.workspace,
      });
      expect(hasRun(name)).toBe(false);
      expect(await countStarted(ran)).toBe(1); // its own
      const { entries } = await aios.client.request("log-show", {
        from: 0,
        limit: 100,
        instance: ran.instance,
        kinds: ["calls-refused"],
      });
      expect(entries.map(({ record }) => JSON.stringify(record)).join()).toContain('"execve":');
    },
  );

  test("by what is loaded into its own program starts nothing, and reaches nothing outside", async () => {
    for (const trick of tricks.filter(
      ({ how, name }) => how === "loads" && !["node-options", "preload"].includes(name),
    )) {
      const { name, program, words, environment } = trick;
      const ran = await aios.run({
        agent: "none",
        command: [program, ...words(inside(name))],
        environment: environment?.(inside(name)) ?? {},
        workspace: aios.workspace,
      });
      expect(await countStarted(ran)).toBe(1);
      expect(existsSync(join(outside, `planted-${name}`))).toBe(false);
    }
  });

  test.each(["NODE_OPTIONS", "LD_PRELOAD"])("is not started with %s at all", async (name) => {
    // What no honest command line sends ends its connection, so that each try has its own.
    const client = await connectClient(aios.home);
    const request = {
      agent: "none",
      command: ["cat", "text"],
      workspace: null,
      task: null,
      strict: false,
      parent: null,
      code: [],
      holdAt: [],
      holdSeconds: 60,
      streams: "0".repeat(32),
    };
    const environment = { [name]: `${inside("preload")}.so` };
    await expect(client.request("run", { ...request, environment })).rejects.toThrow(/channel|closed|ended/);
    // The same but for that: it comes as far as its streams, which nobody handed over.
    const other = await connectClient(aios.home);
    await expect(other.request("run", { ...request, environment: {} })).rejects.toMatchObject({ code: "streams" });
    other.close();
  });

  test("twin: harmless arguments of programs that start no others work", async () => {
    for (const name of ["find", "sed", "sort", "awk", "env"]) {
      const trick = tricks.find((each) => each.name === name);
      if (trick === undefined) continue;
      const command = [trick.program, ...trick.twin];
      const ran = await aios.run({ agent: "none", command, workspace: aios.workspace });
      expect([name, ran.why, ran.exit]).toEqual([name, "exited", 0]);
    }
  });
});
