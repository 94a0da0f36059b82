import type { BindingTerms } from "../../kernel/secrets.ts";

/** What a channel needs of the world, as its service documents it, November 2026. */
export interface Channel {
  readonly destinations: readonly { readonly to: string; readonly allow: readonly string[] }[];
  /** Where the keys of its settings go, by the setting's name. */
  readonly bindings: { readonly [setting: string]: BindingTerms };
  /** Why it cannot work while its keys stay outside, or null. */
  readonly missing: string | null;
}

const SLACK = {
  to: "https://slack.com",
  methods: ["GET", "POST"],
  path: "/api",
  header: "authorization",
  scheme: "Bearer",
} as const;

const CHANNELS: ReadonlyMap<string, Channel> = new Map<string, Channel>([
  [
    "slack",
    {
      destinations: [
        { to: "https://slack.com", allow: ["GET /api", "POST /api"] },
        { to: "https://wss-primary.slack.com", allow: ["WEBSOCKET /"] },
        { to: "https://wss-backup.slack.com", allow: ["WEBSOCKET /"] },
      ],
      bindings: { botToken: SLACK, appToken: SLACK, userToken: SLACK },
      missing: null,
    },
  ],
  [
    "whatsapp",
    {
      destinations: [{ to: "https://web.whatsapp.com", allow: ["GET /", "WEBSOCKET /ws"] }],
      bindings: {},
      missing: null,
    },
  ],
  [
    "telegram",
    {
      destinations: [],
      bindings: {},
      missing: "its key stands in the address of each request, and the substrate puts keys into headers only",
    },
  ],
  [
    "discord",
    {
      destinations: [],
      bindings: {},
      missing: "its key is said inside a WebSocket, and the substrate puts keys into headers only",
    },
  ],
]);

/** What is known of a channel by the name of its settings, or null. */
export function findChannel(name: string): Channel | null {
  return CHANNELS.get(name) ?? null;
}
