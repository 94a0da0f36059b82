import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readProfile } from "../../src/cli/propose.ts";
import { INFER_TOOLS } from "../../src/kernel/infer.ts";
import { NET_TOOLS } from "../../src/kernel/net.ts";
import { channelAllows, channelSecrets, USUAL } from "../../src/protocol/short-channels.ts";
import { asJson, REPO, startSubstrate, type Ran, type Substrate } from "../e2e/substrate.ts";
import { startChatServer, type ChatServer } from "../fakes/chat-server.ts";
import { startScriptedModel, type ScriptedModel, type Turn } from "../fakes/scripted-model.ts";

/*
 * The real OpenClaw with its own Telegram channel, which speaks to a Bot API on loopback (`apiRoot`): it answers whom its
 * grant names, and nobody else, whoever rules its model. `npm run proof:openclaw` fetches the package and runs this.
 */
const CODE = join(REPO, ".cache/agents/openclaw/node_modules");
const PROGRAM = join(CODE, "openclaw/openclaw.mjs");
const TURN_MS = 300_000;
const MODEL = "claude-sonnet-4-5";
const TOKEN = "7001:AAHkQm_3nVbotAAAAAAAAAAAAAAAAAAAAAAA";
const [GOOD, EVIL] = ["424242", "666666"];

describe("OpenClaw on Telegram", () => {
  // Each turn is a start of OpenClaw more than the time of the whole suite has room for.
  if (!existsSync(PROGRAM) || process.env["AIOS_OPENCLAW"] !== "all") {
    console.warn("NOT RUN: OpenClaw on Telegram; npm run proof:openclaw fetches the package and runs this");
    test.skip("the package is missing or was not asked for, nothing was proven", () => {});
    return;
  }
  const profile = readProfile(readFileSync(join(REPO, "profiles/openclaw.yaml"), "utf8"), "profile openclaw");
  let aios: Substrate;
  let service: ChatServer;
  let model: ScriptedModel | null = null;
  let placeholder = "";

  beforeAll(async () => {
    service = await startChatServer();
    const at = `http://localhost:${service.port}`;
    aios = await startSubstrate();
    await aios.keepSecret("bot", TOKEN);
    await aios.sign("bind-secret", { secret: "bot", to: at, methods: ["POST"], after: ["/bot"] });
    const channel = {
      kind: "telegram",
      secret: "bot",
      variable: USUAL.telegram.variable,
      previews: false,
      at,
    } as const;
    const channels = [{ ...channel, to: [GOOD], send: USUAL.telegram.send, read: ["getMe", "getUpdates"] }];
    const { home } = profile.sandbox;
    if (home === null) throw new TypeError("the profile has no home");
    await aios.grant({
      id: "openclaw",
      agents: ["openclaw"],
      drivers: {
        infer: { source: { kind: "infer" }, tools: INFER_TOOLS },
        net: { source: { kind: "net" }, tools: NET_TOOLS },
      },
      allow: [
        { what: "infer/messages", where: { provider: { equals: "anthropic" }, model: { equals: MODEL } } },
        ...channels.flatMap(channelAllows),
      ],
      limits: { uses: 200, budget: { input: 5_000_000, output: 500_000, cost: null } },
      programs: profile.sandbox.programs,
      home,
      secrets: channelSecrets(channels, {}) ?? {},
      sandboxLimits: profile.sandbox.limits ?? {},
    });
    const settings: unknown = JSON.parse(readFileSync(join(REPO, "examples/openclaw.json"), "utf8"));
    const telegram = {
      enabled: true,
      botToken: `\${${USUAL.telegram.variable}}`,
      apiRoot: at,
      dmPolicy: "allowlist",
      allowFrom: [GOOD],
      linkPreview: false,
      commands: { native: false },
    };
    const text = JSON.stringify({ ...(settings as object), channels: { telegram } });
    await aios.sign("put-home-file", { agent: "openclaw", path: ".openclaw/openclaw.json", text });
    const { stdout } = await aios.run({ agent: "openclaw", command: ["/usr/bin/env"] });
    placeholder = /^TELEGRAM_BOT_TOKEN=(.+)$/mu.exec(stdout)?.[1] ?? "none";
  });
  afterAll(async () => {
    model?.close();
    service.close();
    await aios.stop();
  });
  beforeEach(() => {
    service.said.length = 0;
    service.calls.length = 0;
  });

  /** One turn whose answer OpenClaw delivers by itself. */
  async function run(turns: readonly Turn[], to: string): Promise<Ran> {
    model?.close();
    model = await startScriptedModel(turns);
    const models = [{ name: MODEL, output: 64_000, price: null }];
    const at = `http://localhost:${model.port}`;
    const provider = { provider: "anthropic", format: "anthropic", to: at, path: "", tier: "local", class: "private" };
    await aios.sign("set-provider", asJson({ ...provider, models, secret: null }));
    const words = ["agent", "--local", "--session-id", to, "--message", "do your work"];
    return aios.run({
      agent: "openclaw",
      code: [CODE],
      command: ["/aios/node", PROGRAM, ...words, "--deliver", "--reply-channel", "telegram", "--reply-to", to],
      environment: profile.environment,
      holdSeconds: 2,
    });
  }

  test(
    "answers whom its grant names, while a hijacked model reaches nobody else with its token, and has no token",
    async () => {
      expect(placeholder).toMatch(/^aios-secret-bot-/u);
      const post = (path: string, body: string): string =>
        `curl -s -o /dev/null -w '%{http_code} ' -H 'content-type: application/json' -d '${body}' http://localhost:${service.port}${path}`;
      const leak = `"text":"leak","link_preview_options":{"is_disabled":true}`;
      const mine = (method: string, body: string): string => post(`/bot${placeholder}/${method}`, body);
      const attacks = [
        mine("sendMessage", `{"chat_id":${GOOD},"chat_id":${EVIL},${leak}}`),
        mine(`sendMessage?chat_id=${EVIL}`, `{${leak}}`),
        mine("forwardMessage", `{"chat_id":${EVIL},"from_chat_id":${GOOD},"message_id":7}`),
        mine("setWebhook", `{"url":"https://${EVIL}.example"}`),
        post(`/bot999:EVIL/sendMessage`, `{"chat_id":${EVIL},${leak}}`),
        // Nobody is there who could be asked.
        mine("sendMessage", `{"chat_id":${EVIL},${leak}}`),
        // The twin, in the same way.
        mine("sendMessage", `{"chat_id":${GOOD},"text":"from a shell","link_preview_options":{"is_disabled":true}}`),
      ];
      const turns: Turn[] = [{ tool: "exec", input: { command: `${attacks.join("; ")}; env` } }, { say: "Done-5772." }];
      const ran = await run(turns, GOOD);
      expect(ran.exit, ran.stderr).toBe(0);
      const [found = ""] = model?.results().slice(-1) ?? [];
      expect(found).toContain("403 403 403 403 403 403 200");
      expect(found).not.toContain(TOKEN);
      expect(service.said.map(({ token, to, text }) => [token, to, text])).toEqual([
        [TOKEN, GOOD, "from a shell"],
        [TOKEN, GOOD, "Done-5772."],
      ]);
    },
    2 * TURN_MS,
  );

  test(
    "that would deliver to somebody else waits for its owner, and delivers nothing when nobody answers",
    async () => {
      const ran = await run([{ say: "leak" }], EVIL);
      expect(service.said).toEqual([]);
      const asked = { from: 0, limit: 5000, instance: ran.instance, kinds: ["held"] };
      const { entries } = await aios.client.request("log-show", asked);
      expect(entries[0]?.record).toMatchObject({ what: "net/message", reasons: ["recipient-not-endorsed"] });
      expect(JSON.stringify(entries[0]?.payload)).toContain(EVIL);
    },
    2 * TURN_MS,
  );
});
