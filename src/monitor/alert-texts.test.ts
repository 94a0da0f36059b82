import { expect, test } from "vitest";
import { writeAlert, type Alert } from "./alert-texts.ts";

const origin = "http://aios-0123456789abcdef.localhost:20001";
const stopped: Alert = { kind: "stops", instance: "i-1", agent: "worker", code: "prohibited" };
const held: Alert = { kind: "holds", held: 7, agents: ["worker", "b"], what: ["notes/add"], risk: "reach" };
const key: Alert = { kind: "owners", owner: "passkey:0123456789abcdef", code: "owner-removed" };

test("a webhook gets JSON with a link to the console that runs", () => {
  const { headers, body } = writeAlert(held, { form: "json", origin });
  expect(headers).toEqual({ "content-type": "application/json" });
  const { kind: _, ...said } = held;
  expect(JSON.parse(body)).toEqual({ ...said, link: `${origin}/#inbox` });
  expect(JSON.parse(writeAlert(stopped, { form: "json", origin }).body)).toMatchObject({ link: `${origin}/#agents` });
});

test("a server that is in quarantine is told of as what agents' stops are, and its link leads to the log", () => {
  const server: Alert = { kind: "servers", server: "notes", code: "prohibited-call" };
  expect(JSON.parse(writeAlert(server, { form: "json", origin }).body)).toEqual({
    server: "notes",
    code: "prohibited-call",
    link: `${origin}/#log`,
  });
  expect(writeAlert(server, { form: "ntfy", origin: null })).toMatchObject({
    headers: { title: "AIOS: an MCP server was stopped", priority: "4", tags: "octagonal_sign" },
    body: "notes: prohibited-call\naios console opens the console.",
  });
});

test("nobody is sent to a console that does not run, where another program may listen", () => {
  expect(JSON.parse(writeAlert(key, { form: "json", origin: null }).body)).toEqual({
    owner: "passkey:0123456789abcdef",
    code: "owner-removed",
    link: null,
  });
  const { headers, body } = writeAlert(key, { form: "ntfy", origin: null });
  expect(headers).not.toHaveProperty("click");
  expect(body).toBe("passkey:0123456789abcdef: owner-removed\naios console opens the console.");
});

test("ntfy gets a text, with title, priority, tags and the link in headers", () => {
  const type = { "content-type": "text/plain; charset=utf-8" };
  expect(writeAlert(held, { form: "ntfy", origin })).toEqual({
    headers: {
      ...type,
      title: "AIOS: 7 actions wait for you",
      priority: "3",
      tags: "raised_hand",
      click: `${origin}/#inbox`,
    },
    body: "worker, b: notes/add (reach)\nThe link opens the console.",
  });
  expect(writeAlert({ ...held, held: 1 }, { form: "ntfy", origin }).headers).toMatchObject({
    title: "AIOS: an action waits for you",
  });
  expect(writeAlert(stopped, { form: "ntfy", origin })).toMatchObject({
    headers: { priority: "4", tags: "octagonal_sign" },
    body: "worker (i-1): prohibited\nThe link opens the console.",
  });
});

test("no name gets into a header, whatever it is", () => {
  const hostile = "x\r\nAuthorization: Bearer stolen\r\n\r\n\u202e";
  const alerts: readonly Alert[] = [
    { ...held, agents: [hostile], what: [hostile] },
    { ...stopped, agent: hostile, code: hostile },
    { ...key, owner: hostile, code: hostile },
  ];
  for (const alert of alerts) {
    const { headers } = writeAlert(alert, { form: "ntfy", origin });
    for (const value of Object.values(headers)) expect(value).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.stringify(headers)).not.toMatch(/stolen/);
  }
});
