import { expect, test } from "vitest";
import { loadVetTools } from "../../src/main/vet-tools.ts";
import { effectsOf, type Seen } from "./effects.ts";

const KEY = "abcdefghijkmnpqrstuvwxyz";
const CANARIES = [{ what: "SSH key", marker: KEY, at: { file: ".ssh/id_rsa" } }];
const NOTHING: Seen = { reached: [], strays: [], told: [], opened: [], changes: [], left: [], heard: [] };
const bytes = (text: string): Uint8Array => Buffer.from(text);

test("each way out of a manifest is an effect, and use within it is none", async () => {
  const tools = await loadVetTools();
  const of = (seen: Partial<Seen>): readonly string[] => effectsOf({ ...NOTHING, ...seen }, CANARIES, tools);
  expect(of({ told: [bytes("count these words")], heard: ["7 words"] })).toEqual([]);
  expect(of({ reached: [{ what: "name", to: "a.example", bytes: bytes("") }] })).toEqual(["asks for a.example"]);
  const hidden = bytes(Buffer.from(`key ${KEY}`).toString("base64"));
  expect(of({ reached: [{ what: "connection", to: "a.example:443", bytes: hidden }] })).toEqual([
    "reaches a.example:443",
    "sends SSH key to a.example:443",
  ]);
  // Nobody was named and nothing was said: that it connected counts.
  expect(of({ reached: [{ what: "connection", to: ":4444", bytes: bytes("") }] })).toEqual(["reaches :4444"]);
  expect(of({ told: [bytes(KEY)], heard: [KEY] })).toEqual(["tells its server SSH key", "its tool says SSH key"]);
  expect(of({ opened: [".ssh/id_rsa"], left: ["/bin/sh -i"] })).toEqual(["reads ~/.ssh/id_rsa", "leaves /bin/sh -i"]);
  const change = { place: "/tmp/canary", change: "made", bytes: null, size: 0 } as const;
  expect(of({ changes: [change] })).toEqual(["/tmp/canary is made"]);
});
