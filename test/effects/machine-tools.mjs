/**
 * Programs that a person's machine has and a bare one here has not, as much of them as payloads use. What they do is seen: a
 * table of cron, what the keychain says, a job that the session starts.
 *
 *     machine-tools.mjs NAME WORD…
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { env, exit, stdin, stdout } from "node:process";
import { text } from "node:stream/consumers";

const [, , name, ...words] = process.argv;
const TABLE = "/var/spool/cron/agent";
const tools = { crontab, launchctl, security, osascript, xattr: () => {}, xxd, npx: () => {} };
await tools[name]();

async function crontab() {
  if (words[0] !== "-l") writeFileSync(TABLE, await text(stdin));
  else if (existsSync(TABLE)) stdout.write(readFileSync(TABLE));
  else exit(1);
}

function launchctl() {
  if (!existsSync(words[1] ?? "")) exit(1);
  appendFileSync(`${env.HOME}/Library/LaunchAgents/loaded`, `${words[1]}\n`);
}

function security() {
  stdout.write(readFileSync(`${env.HOME}/Library/Keychains/login.keychain-db`));
}

function osascript() {
  stdout.write("a typed password\n");
}

async function xxd() {
  stdout.write(Buffer.from(await text(stdin), "hex"));
}
