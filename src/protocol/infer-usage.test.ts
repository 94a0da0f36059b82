import { expect, test } from "vitest";
import { encodeUtf8 } from "./bytes.ts";
import { createUsageReader, type CountedTokens } from "./infer-usage.ts";

const STREAM = "text/event-stream; charset=utf-8";

/** What is counted of an answer that comes in pieces of so many bytes. */
function count(type: string, text: string, piece: number = text.length): CountedTokens | null {
  const reader = createUsageReader(type);
  const bytes = encodeUtf8(text);
  for (let at = 0; at < bytes.length; at += piece) reader.add(bytes.subarray(at, at + piece));
  return reader.end();
}
const event = (data: object): string => `event: x\r\ndata: ${JSON.stringify(data)}\r\n\r\n`;

const ANTHROPIC = [
  event({
    type: "message_start",
    message: { usage: { input_tokens: 10, cache_read_input_tokens: 90, output_tokens: 1 } },
  }),
  event({ type: "content_block_delta", delta: { text: 'a "usage" of words ü' } }),
  event({ type: "message_delta", usage: { output_tokens: 25 } }),
  event({ type: "message_stop" }),
].join("");
const BEGINNING = event({ type: "message_start", message: { usage: { input_tokens: 5, output_tokens: 1 } } });
const STOP = event({ type: "message_stop" });

test.each([1, 7, 1000])("a stream of Anthropic's tells it twice, in pieces of %i bytes too", (piece) => {
  expect(count(STREAM, ANTHROPIC, piece)).toEqual({ input: 100, output: 25 });
});

test("a stream of OpenAI's tells it at the end, in each of its formats", () => {
  const chat = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } })}\n\ndata: [DONE]\n\n`;
  expect(count(STREAM, chat)).toEqual({ input: 3, output: 4 });
  const done = event({ type: "response.completed", response: { usage: { input_tokens: 5, output_tokens: 6 } } });
  expect(count(STREAM, event({ type: "response.created", response: { usage: null } }) + done)).toEqual({
    input: 5,
    output: 6,
  });
});

test("an answer in one piece tells it at its top", () => {
  const body = { usage: { input_tokens: 1, cache_creation_input_tokens: 2, output_tokens: 3 } };
  expect(count("application/json", JSON.stringify(body), 5)).toEqual({ input: 3, output: 3 });
});

test.each([
  ["nothing", "application/json", "{}"],
  ["no JSON", "application/json", "<html>"],
  ["no numbers", "application/json", '{"usage":{"input_tokens":"1","output_tokens":-3}}'],
  ["a stream that never says", STREAM, event({ type: "message_stop" })],
  ["a stream that ends after its beginning", STREAM, BEGINNING],
  ["a stream that only began to say", STREAM, BEGINNING + STOP],
  ["a stream without its end", STREAM, BEGINNING + event({ type: "message_delta", usage: { output_tokens: 9 } })],
  [
    "a number of tokens that is none",
    STREAM,
    BEGINNING + event({ type: "message_delta", usage: { output_tokens: 1e300 } }) + STOP,
  ],
  [
    "a chat that breaks off between its counts",
    STREAM,
    `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 1 } })}\n\n`,
  ],
  ["a stream of other lines", STREAM, ': "usage"\n\nusage: 3\n\n'],
])("%s is not counted", (_, type, text) => expect(count(type, text)).toBeNull());

test("a line without end is not kept", () => {
  const reader = createUsageReader(STREAM);
  for (let at = 0; at < 100; at++) reader.add(new Uint8Array(65_536).fill(0x61));
  reader.add(encodeUtf8(`\n${event({ usage: { input_tokens: 1, output_tokens: 1 } })}data: [DONE]\n\n`));
  expect(reader.end()).toEqual({ input: 1, output: 1 });
});
