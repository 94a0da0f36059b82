import { gzipSync } from "node:zlib";
import type { ArchiveCode, ArchiveForm } from "../../src/protocol/extension-order.ts";
import { makeGzipBomb, makeTar, makeTgz, makeZip, pax, type TarPart, type ZipPart } from "./archives.ts";

/** An archive that must not be unpacked, and with which code. */
export interface HostileArchive {
  readonly what: string;
  readonly form: ArchiveForm;
  readonly code: ArchiveCode;
  bytes(): Buffer;
}

const MANIFEST: TarPart = { name: "package/package.json", body: '{"name":"honest","version":"1.0.0"}' };
const BUNDLE: ZipPart = { name: "manifest.json", body: '{"name":"honest","version":"1.0.0"}' };

function tgz(what: string, code: ArchiveCode, ...parts: readonly TarPart[]): HostileArchive {
  return { what, form: "tgz", code, bytes: () => makeTgz([MANIFEST, ...parts]) };
}
function zip(what: string, code: ArchiveCode, ...parts: readonly ZipPart[]): HostileArchive {
  return { what, form: "zip", code, bytes: () => makeZip([BUNDLE, ...parts]) };
}
function raw(what: string, form: ArchiveForm, code: ArchiveCode, bytes: () => Buffer): HostileArchive {
  return { what, form, code, bytes };
}

const deep = `package/${"d/".repeat(40)}f`;

/** Each is inert: what one of them would write is a canary. */
export const HOSTILE_ARCHIVES: readonly HostileArchive[] = [
  // Out of the folder.
  tgz("a path that leads up", "archive-outside", { name: "package/../../../canary", body: "out" }),
  tgz("a path that leads up and down again", "archive-outside", { name: "package/a/../../package/b", body: "out" }),
  tgz("a path that leads up from the first name", "archive-outside", { name: "../canary", body: "out" }),
  tgz("an absolute path", "archive-outside", { name: "/tmp/canary", body: "out" }),
  tgz("an absolute path, by the prefix field", "archive-outside", { name: "canary", prefix: "/tmp", body: "out" }),
  tgz("a path that leads up, by a pax header", "archive-outside", pax({ path: "package/../../canary" }), {
    name: "package/fine",
    body: "out",
  }),
  tgz(
    "a path that leads up, by GNU's long name",
    "archive-outside",
    { name: "l", type: "L", body: "package/../../canary\0" },
    {
      name: "package/fine",
      body: "out",
    },
  ),
  zip("a path that leads up, in a zip", "archive-outside", { name: "../canary", body: "out" }),
  zip("an absolute path, in a zip", "archive-outside", { name: "/tmp/canary", body: "out" }),
  zip("a drive of Windows", "archive-outside", { name: "C:/canary", body: "out" }),
  zip("a path that leads up by backslashes", "archive-name", { name: "..\\..\\canary", body: "out" }),
  // Links and what is no file.
  tgz(
    "a symbolic link out, and a file through it",
    "archive-link",
    { name: "package/l", type: "2", link: "../../" },
    {
      name: "package/l/canary",
      body: "out",
    },
  ),
  tgz("a symbolic link inside", "archive-link", { name: "package/l", type: "2", link: "package.json" }),
  tgz("a hard link to a file outside", "archive-link", { name: "package/l", type: "1", link: "/etc/passwd" }),
  tgz("a link by a pax header", "archive-link", pax({ linkpath: "/etc/passwd" }), { name: "package/l", type: "2" }),
  tgz(
    "the long name of a link",
    "archive-link",
    { name: "l", type: "K", body: "/etc/passwd\0" },
    {
      name: "package/l",
      type: "2",
    },
  ),
  zip("a symbolic link in a zip", "archive-link", { name: "l", body: "../../", mode: 0o120777 }),
  tgz("a character device", "archive-special", {
    name: "package/d",
    type: "3",
    over: { 329: "0000001\0", 337: "0000003\0" },
  }),
  tgz("a block device", "archive-special", { name: "package/d", type: "4" }),
  tgz("a pipe", "archive-special", { name: "package/p", type: "6" }),
  zip("a pipe in a zip", "archive-special", { name: "p", body: "", mode: 0o010644 }),
  zip("a socket in a zip", "archive-special", { name: "s", body: "", mode: 0o140644 }),
  // Names that are the same to somebody.
  tgz("one name twice", "archive-twin", { name: "package/a", body: "shown" }, { name: "package/a", body: "run" }),
  tgz(
    "names that differ in case",
    "archive-twin",
    { name: "package/Read", body: "1" },
    { name: "package/rEAD", body: "2" },
  ),
  tgz(
    "folders that differ in case",
    "archive-twin",
    { name: "package/Lib/a", body: "1" },
    { name: "package/lib/b", body: "2" },
  ),
  tgz(
    "names that differ in composition",
    "archive-twin",
    pax({ path: "package/caf\u00e9" }),
    { name: "package/x", body: "1" },
    pax({ path: "package/cafe\u0301" }),
    { name: "package/y", body: "2" },
  ),
  tgz(
    "names that differ in width",
    "archive-twin",
    { name: "package/a.js", body: "1" },
    pax({ path: "package/\uff41.js" }),
    { name: "package/y", body: "2" },
  ),
  tgz(
    "names that differ in a sharp s",
    "archive-twin",
    { name: "package/strasse", body: "1" },
    pax({ path: "package/stra\u00dfe" }),
    { name: "package/y", body: "2" },
  ),
  tgz(
    "names that differ in what is drawn as nothing",
    "archive-twin",
    { name: "package/a.js", body: "1" },
    pax({ path: "package/a\ufe0f.js" }),
    { name: "package/y", body: "2" },
  ),
  tgz(
    "names that differ in a dot at the end",
    "archive-twin",
    { name: "package/a", body: "1" },
    { name: "package/a.", body: "2" },
  ),
  tgz("a file where a folder is", "archive-twin", { name: "package/a/b", body: "1" }, { name: "package/a", body: "2" }),
  tgz("a folder where a file is", "archive-twin", { name: "package/a", body: "1" }, { name: "package/a/b", body: "2" }),
  zip("one name twice, in a zip", "archive-twin", { name: "a", body: "shown" }, { name: "a", body: "run" }),
  zip(
    "names that differ in case, in a zip",
    "archive-twin",
    { name: "SKILL.md", body: "1" },
    { name: "skill.md", body: "2" },
  ),
  // Names with more than one reading.
  tgz("a name that turns its line round", "archive-name", pax({ path: "package/\u202egpj.js" }), {
    name: "package/x",
    body: "1",
  }),
  tgz("a name with a newline", "archive-name", { name: "package/a\nb", body: "1" }),
  tgz("a name with an escape", "archive-name", { name: "package/\u001b[2J", body: "1" }),
  tgz("a name with a NUL, by a pax header", "archive-name", pax({ path: "package/a\0b" }), {
    name: "package/x",
    body: "1",
  }),
  tgz("a name that is no UTF-8", "archive-name", { name: Buffer.from("package/\xff\xfe", "latin1"), body: "1" }),
  tgz("a name with an empty part", "archive-name", { name: "package//a", body: "1" }),
  tgz("a name with a dot for a part", "archive-name", { name: "package/./a", body: "1" }),
  tgz("a second folder beside the first", "archive-name", { name: "other/package.json", body: "{}" }),
  zip("a name in no known encoding", "archive-name", {
    name: Buffer.from([0x63, 0x61, 0x66, 0x82]),
    body: "1",
    flags: 0,
  }),
  tgz("a name of 300 bytes", "archive-long", pax({ path: `package/${"n".repeat(300)}` }), {
    name: "package/x",
    body: "1",
  }),
  tgz(
    "a path of 2,000 bytes",
    "archive-long",
    pax({ path: `package/${"n/".repeat(15)}${"m".repeat(200)}/${`${"o".repeat(200)}/`.repeat(5)}p` }),
    { name: "package/x", body: "1" },
  ),
  tgz("forty folders in each other", "archive-deep", { name: deep, body: "1" }),
  tgz("a pax header of 100,000 bytes", "archive-long", pax({ comment: "c".repeat(100_000) }), {
    name: "package/x",
    body: "1",
  }),
  // Bombs.
  raw("a gzip bomb", "tgz", "archive-bomb", () => makeGzipBomb(makeTar([MANIFEST], Buffer.alloc(0)), 4096)),
  raw("a gzip bomb that is one file", "tgz", "archive-too-large", () =>
    makeGzipBomb(makeTar([{ name: "package/zeros", size: 0o77777777777 }], Buffer.alloc(0)), 512),
  ),
  raw("a gzip bomb in a header", "tgz", "archive-long", () =>
    makeGzipBomb(makeTar([{ name: "pax", type: "x", size: 0o7777777777 }], Buffer.alloc(0)), 512),
  ),
  zip("a zip bomb by its own word", "archive-bomb", {
    name: "zeros",
    body: Buffer.alloc(40 * 1024 * 1024),
    deflated: true,
  }),
  zip("a zip bomb that says that it is small", "archive-bomb", {
    name: "zeros",
    body: Buffer.alloc(8 * 1024 * 1024),
    deflated: true,
    size: 10,
  }),
  raw("a zip whose entries share their data", "zip", "archive-malformed", () =>
    makeZip([
      { name: "a", body: Buffer.alloc(512 * 1024, 7) },
      ...["b", "c", "d"].map((name) => ({ name, body: Buffer.alloc(512 * 1024, 7), offset: 0 })),
    ]),
  ),
  raw("a hundred thousand empty files", "zip", "archive-too-many", () =>
    makeZip(Array.from({ length: 30_000 }, (_, index) => ({ name: `f${index}` }))),
  ),
  raw("thirty thousand folders in a tar", "tgz", "archive-too-many", () =>
    makeTgz(Array.from({ length: 30_000 }, (_, index) => ({ name: `package/${index}`, type: "5" }))),
  ),
  raw("more bytes than an archive may have", "zip", "archive-too-large", () => Buffer.alloc(65 * 1024 * 1024)),
  // Two readings.
  raw("a second gzip member", "tgz", "archive-malformed", () =>
    Buffer.concat([makeTgz([MANIFEST]), makeTgz([{ name: "package/hidden", body: "run" }])]),
  ),
  raw("bytes behind a gzip", "tgz", "archive-malformed", () =>
    Buffer.concat([makeTgz([MANIFEST]), Buffer.from("more")]),
  ),
  raw("bytes behind the end of a tar", "tgz", "archive-malformed", () =>
    gzipSync(Buffer.concat([makeTar([MANIFEST]), makeTar([{ name: "package/hidden", body: "run" }])])),
  ),
  raw("a gzip whose checksum does not fit", "tgz", "archive-malformed", () => {
    const bytes = makeTgz([MANIFEST]);
    bytes.writeUInt32LE(1, bytes.length - 8);
    return bytes;
  }),
  raw("a tar that is cut short", "tgz", "archive-malformed", () => gzipSync(makeTar([MANIFEST], Buffer.alloc(0)))),
  raw("a gzip that is cut short", "tgz", "archive-malformed", () => makeTgz([MANIFEST]).subarray(0, -20)),
  tgz("an entry with two sizes", "archive-malformed", pax({ size: "512" }), {
    name: "package/a",
    body: Buffer.alloc(1024),
  }),
  tgz("a header whose checksum does not fit", "archive-malformed", { name: "package/a", body: "1", checksum: 1 }),
  tgz("a size that is no number", "archive-malformed", { name: "package/a", over: { 124: "9999999999x\0" } }),
  tgz("a size in the other notation", "archive-malformed", {
    name: "package/a",
    over: { 124: "\x80\0\0\0\0\0\0\0\0\0\0\x01" },
  }),
  tgz("a folder with bytes", "archive-malformed", { name: "package/d", type: "5", body: "hidden" }),
  tgz("one name for all entries", "archive-unsupported", pax({ path: "package/all" }, "g"), {
    name: "package/a",
    body: "1",
  }),
  tgz("a sparse file", "archive-unsupported", { name: "package/a", type: "S" }),
  tgz("a kind of entry that nobody defined", "archive-unsupported", { name: "package/a", type: "Z" }),
  zip("another name beside the data", "archive-malformed", { name: "shown.txt", localName: "hides.txt", body: "1" }),
  zip("another size beside the data", "archive-malformed", { name: "a", body: "12345", localSize: 3 }),
  zip("a checksum that does not fit", "archive-malformed", { name: "a", body: "1", crc: 7 }),
  zip("a second name in an extra field", "archive-unsupported", {
    name: "a",
    body: "1",
    extra: Buffer.from([0x75, 0x70, 1, 0, 1]),
  }),
  zip("an encrypted entry", "archive-unsupported", { name: "a", body: "1", flags: 0x0801 }),
  zip("a method that is not taken", "archive-unsupported", { name: "a", body: "1", method: 12 }),
  raw("a zip behind a program", "zip", "archive-malformed", () =>
    makeZip([BUNDLE], { before: Buffer.from("#!/bin/sh\n") }),
  ),
  raw("bytes between the entries and the directory", "zip", "archive-malformed", () =>
    makeZip([BUNDLE], { gap: Buffer.from("hidden") }),
  ),
  raw("a zip in the comment of a zip", "zip", "archive-malformed", () =>
    makeZip([BUNDLE], { comment: makeZip([{ name: "hidden", body: "run" }]) }),
  ),
  raw("fewer entries than the directory has", "zip", "archive-malformed", () =>
    makeZip([BUNDLE, { name: "hidden", body: "run" }], { count: 1 }),
  ),
  raw("no archive at all", "tgz", "archive-malformed", () => Buffer.from("#!/bin/sh\nexit 0\n")),
  raw("no zip at all", "zip", "archive-malformed", () => Buffer.from("PK")),
  raw("nothing", "tgz", "archive-malformed", () => Buffer.alloc(0)),
  raw("an archive without a file", "tgz", "archive-malformed", () => makeTgz([{ name: "package/", type: "5" }])),
];
