import { expect, test } from "vitest";
import { decodeProvider } from "../kernel/infer.ts";
import { asJson } from "./as-json.ts";
import { decode } from "./decode.ts";
import { BUDGET, decodeShortProvider, INFERENCE, inferenceAllows } from "./short-inference.ts";

test("models of a provider become conditions on provider, model and size", () => {
  const read = decode(INFERENCE, [
    { provider: "far", models: ["big", "small"], context: 1000, output: 100, features: ["server-tools"] },
    { provider: "here", models: ["tiny"] },
  ]);
  if (read.kind === "refused") throw new Error(read.message);
  const where = {
    provider: { equals: "far" },
    model: { in: ["big", "small"] },
    inputTokens: { max: 1000 },
    maxOutput: { max: 100 },
  };
  const tiny = { provider: { equals: "here" }, model: { in: ["tiny"] } };
  expect(read.value.flatMap(inferenceAllows)).toEqual([
    ...["messages", "chat", "responses"].map((tool) => ({ what: `infer/${tool}`, where })),
    {
      what: "infer/extras",
      where: { ...where, endpoint: { in: ["messages", "chat", "responses"] }, features: { in: ["server-tools"] } },
    },
    ...["messages", "chat", "responses"].map((tool) => ({ what: `infer/${tool}`, where: tiny })),
  ]);
});

test.each([
  { provider: "far" },
  { provider: "far", models: [] },
  { provider: "Far", models: ["x"] },
  { provider: "far", models: ["*"] },
])("%j is refused", (wrong) => expect(decode(INFERENCE, [wrong]).kind).toBe("refused"));

test("money is written in units and kept in millionths", () => {
  expect(decode(BUDGET, { cost: 2.5 })).toEqual({ kind: "ok", value: { input: null, output: null, cost: 2_500_000 } });
  expect(decode(BUDGET, { input: 0 }).kind).toBe("refused");
  expect(decode(BUDGET, { cost: -1 }).kind).toBe("refused");
});

const WRITTEN = {
  provider: "far",
  format: "anthropic",
  url: "https://api.example.org/base/",
  tier: "partner",
  class: "private",
  models: { big: { output: 1000, price: { input: 3, output: 0.25 } } },
};

test("a provider as people write it is one that the kernel takes", () => {
  const read = decodeShortProvider(WRITTEN);
  if (read.kind === "refused") throw new Error(read.message);
  expect(read.value).toMatchObject({
    to: "https://api.example.org",
    path: "/base",
    models: [{ name: "big", output: 1000, price: { input: 3_000_000, output: 250_000 } }],
    secret: null,
  });
  expect(decodeProvider(asJson(read.value)).kind).toBe("ok");
  expect(decodeShortProvider({ ...WRITTEN, url: "http://api.example.org" }).kind).toBe("refused");
  expect(decodeShortProvider({ ...WRITTEN, key: "sk-12345678" }).kind).toBe("refused");
});
