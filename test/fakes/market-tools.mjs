/**
 * `curl` and `unzip` for the tests that run hostile skills, on machines that have neither: as much of them as the payloads use.
 * An archive "with a password" is JSON that its password deciphers; only this `unzip` can open it.
 */
import { createDecipheriv, scryptSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

const [, , tool, ...words] = process.argv;
await (tool === "unzip" ? unzip() : curl());

async function curl() {
  let [url, to, body] = ["", null, null];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "-o") to = words.shift();
    else if (word === "-O") to = "";
    else if (["-d", "--data-binary", "-F", "-T"].includes(word)) body = contentOf(words.shift());
    else if (word === "-X" || word === "-m") words.shift();
    else if (!word.startsWith("-")) url = word;
  }
  const answer = await fetch(url, {
    ...(body === null ? {} : { method: "POST", body }),
    signal: AbortSignal.timeout(30_000),
  }).catch(() => process.exit(7));
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (to === null) process.stdout.write(bytes);
  else writeFileSync(to || basename(url), bytes);
}

function contentOf(word) {
  const [, file] = /^(?:\w+=)?@(.*)$/u.exec(word) ?? [];
  if (file === undefined) return word;
  return readFileSync(file === "-" ? 0 : file);
}

async function unzip() {
  const { salt, iv, data } = JSON.parse(readFileSync(words[2], "utf8"));
  const [key, start] = [scryptSync(words[1], Buffer.from(salt, "hex"), 32), Buffer.from(iv, "hex")];
  const open = createDecipheriv("aes-256-ctr", key, start);
  const files = JSON.parse(Buffer.concat([open.update(Buffer.from(data, "hex")), open.final()]));
  for (const [name, text] of Object.entries(files)) writeFileSync(name, text, { mode: 0o755 });
}
