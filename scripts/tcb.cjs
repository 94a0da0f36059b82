// Prints how much code must be trusted: our lines by folder, and the libraries that these load, with their sizes.
"use strict";

const { readdirSync, readFileSync, statSync } = require("node:fs");
const { join } = require("node:path");
const { gatherPages } = require("../src/platform/serving/page-files.ts");

const ROOT = join(__dirname, "..");
const FOLDERS = ["kernel", "protocol", "sandbox", "showing", "monitor", "platform"];
const LIBRARIES = [
  ["Cedar (policy)", "node_modules/@cedar-policy/cedar-wasm/nodejs", /\.(js|wasm)$/],
  ["koffi (system calls)", `node_modules/@koromix/koffi-linux-${process.arch}`, /\.node$/],
  ["Node, with OpenSSL and SQLite", `node_modules/node-linux-${process.arch}/bin`, /^node$/],
];

function main() {
  const all = { files: 0, lines: 0 };
  const count = (name, part) => {
    printRow(name, part);
    all.files += part.files;
    all.lines += part.lines;
  };
  console.log("trusted computing base, ours (lines of code, without tests, comments and empty lines)");
  for (const folder of FOLDERS) {
    const sources = listFiles(join(ROOT, "src", folder)).filter(
      (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
    );
    const lines = sources.reduce(
      (sum, name) => sum + countCode(readFileSync(join(ROOT, "src", folder, name), "utf8")),
      0,
    );
    count(folder, { files: sources.length, lines });
  }
  const signing = countSigningPage();
  count("page, what signs", signing.get("page"));
  printRow("together", all);
  console.log("of it, what a browser loads to sign");
  for (const [folder, part] of [...signing].toSorted(([one], [other]) => (one < other ? -1 : 1)))
    printRow(folder, part);
  console.log("libraries it loads");
  for (const [name, folder, pattern] of LIBRARIES) {
    const path = join(ROOT, folder);
    const bytes = listFiles(path)
      .filter((file) => pattern.test(file))
      .reduce((sum, file) => sum + statSync(join(path, file)).size, 0);
    if (bytes === 0) throw new Error(`Cannot measure ${name}: nothing fits in ${folder}`);
    console.log(`  ${name.padEnd(32)}${(bytes / 1e6).toFixed(1).padStart(20)} MB`);
  }
}

/** All that a browser loads to sign, by folder. */
function countSigningPage() {
  const { sources } = gatherPages(join(ROOT, "src"), { texts: {}, entries: ["sign.ts"] });
  const folders = new Map();
  for (const [path, { text }] of sources) {
    const [, , folder] = path.split("/");
    const { files, lines } = folders.get(folder) ?? { files: 0, lines: 0 };
    folders.set(folder, { files: files + 1, lines: lines + countCode(text) });
  }
  return folders;
}

function printRow(name, { files, lines }) {
  console.log(`  ${name.padEnd(32)}${String(files).padStart(5)} files ${String(lines).padStart(8)} lines`);
}

function listFiles(folder) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
}

/** Lines that are neither empty nor wholly comment; prettier puts every comment of more than one line on lines of its own. */
function countCode(text) {
  let inComment = false;
  return text.split("\n").filter((line) => {
    const words = line.trim();
    const isComment = inComment || words.startsWith("//") || words.startsWith("/*");
    if (words.startsWith("/*")) inComment = true;
    if (words.includes("*/")) inComment = false;
    return words !== "" && !isComment;
  }).length;
}

main();
