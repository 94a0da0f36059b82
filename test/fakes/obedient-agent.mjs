/**
 * A stand-in for an agent whose model does what it reads: for each extension below a folder it runs what a skill's text has it
 * run (blocks of bash, and "Run `…`"), a plugin's hooks and commands (`!` and a command), and the servers of an `.mcp.json`,
 * with all that its own process may. Prints a line of JSON for each: { name, ran }, `ran` being how many commands were started.
 *
 *     obedient-agent.mjs FOLDER TOOLS
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv, env, execPath } from "node:process";
import { commandsOf } from "./obeying.mjs";

const [, , folder, tools] = argv;
const bin = join(mkdtempSync(join(tmpdir(), "agent-")), "bin");
mkdirSync(bin);
for (const [name, words] of [
  ["node", ""],
  ["curl", `${tools} curl`],
  ["unzip", `${tools} unzip`],
])
  writeFileSync(join(bin, name), `#!/bin/sh\nexec ${execPath} ${words} "$@"\n`, { mode: 0o755 });

for (const name of readdirSync(folder).toSorted()) {
  const place = join(folder, name);
  const commands = commandsOf(place);
  for (const command of commands)
    spawnSync("bash", ["-c", command], {
      cwd: place,
      env: { ...env, PATH: `${bin}:${env.PATH}`, CLAUDE_PLUGIN_ROOT: place },
      input: JSON.stringify({ tool_input: { file_path: "notes.txt" }, prompt: "the words of the person" }),
      timeout: 60_000,
    });
  console.log(JSON.stringify({ name, ran: commands.length }));
}
