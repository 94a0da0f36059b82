/** One file of a client's configuration. */
export interface ConfigurationFile {
  /** `~/…` of the person, `./…` of each folder that is looked at. */
  readonly path: string;
  readonly format: "json" | "toml";
  /** Where in it tables of servers stand. */
  readonly servers: readonly (readonly string[])[];
}

/** How a client keeps what its agents did. */
export interface HistoryPlace {
  /** Folder of sessions, and how deep below it their files lie. */
  readonly folder: string;
  readonly depth: number;
  /** How a call of a tool is written in a line of such a file. */
  readonly form: "claude" | "codex" | "openclaw";
}

/** One kind of program that runs agents. */
export interface ClientKind {
  readonly id: string;
  readonly name: string;
  /** A file or folder of these says that the person has it. */
  readonly signs: readonly string[];
  readonly files: readonly ConfigurationFile[];
  /** Folders of skills, each a folder with SKILL.md. */
  readonly skills: readonly string[];
  /** Files with its own keys. */
  readonly keys: readonly string[];
  readonly history: HistoryPlace | null;
  /** The command that runs it with nothing but what was granted, or null when AIOS cannot start it. */
  readonly sealed: string | null;
}

const MCP_SERVERS = [["mcpServers"]] as const;

/** The clients that are looked for. Paths as their own documents give them for Linux, November 2026. */
export const CLIENTS: readonly ClientKind[] = [
  {
    id: "claude-code",
    name: "Claude Code",
    signs: ["~/.claude", "~/.claude.json"],
    files: [
      { path: "~/.claude.json", format: "json", servers: MCP_SERVERS },
      { path: "~/.claude/settings.json", format: "json", servers: [] },
      { path: "./.claude/settings.json", format: "json", servers: [] },
      { path: "./.claude/settings.local.json", format: "json", servers: [] },
      { path: "./.mcp.json", format: "json", servers: MCP_SERVERS },
    ],
    skills: ["~/.claude/skills", "./.claude/skills"],
    keys: ["~/.claude/.credentials.json"],
    history: { folder: "~/.claude/projects", depth: 1, form: "claude" },
    sealed: "aios run -- claude",
  },
  {
    id: "claude-desktop",
    name: "Claude Desktop",
    signs: ["~/.config/Claude"],
    files: [{ path: "~/.config/Claude/claude_desktop_config.json", format: "json", servers: MCP_SERVERS }],
    skills: [],
    keys: [],
    history: null,
    sealed: null,
  },
  {
    id: "codex",
    name: "Codex",
    signs: ["~/.codex"],
    files: [{ path: "~/.codex/config.toml", format: "toml", servers: [["mcp_servers"]] }],
    skills: ["~/.codex/skills", "./.codex/skills"],
    keys: ["~/.codex/auth.json"],
    history: { folder: "~/.codex/sessions", depth: 3, form: "codex" },
    sealed: "aios run -- codex",
  },
  {
    id: "opencode",
    name: "OpenCode",
    signs: ["~/.config/opencode", "~/.local/share/opencode"],
    files: [
      { path: "~/.config/opencode/opencode.json", format: "json", servers: [["mcp"]] },
      { path: "~/.config/opencode/opencode.jsonc", format: "json", servers: [["mcp"]] },
      { path: "./opencode.json", format: "json", servers: [["mcp"]] },
      { path: "./opencode.jsonc", format: "json", servers: [["mcp"]] },
    ],
    skills: ["~/.config/opencode/skill", "~/.config/opencode/skills", "./.opencode/skill", "./.opencode/skills"],
    keys: ["~/.local/share/opencode/auth.json"],
    history: null,
    sealed: "aios run -- opencode",
  },
  {
    id: "cursor",
    name: "Cursor",
    signs: ["~/.cursor"],
    files: [
      { path: "~/.cursor/mcp.json", format: "json", servers: MCP_SERVERS },
      { path: "./.cursor/mcp.json", format: "json", servers: MCP_SERVERS },
      { path: "~/.cursor/cli-config.json", format: "json", servers: [] },
    ],
    skills: ["~/.cursor/skills", "./.cursor/skills"],
    keys: [],
    history: null,
    sealed: null,
  },
  {
    id: "vscode",
    name: "VS Code",
    signs: ["~/.config/Code/User"],
    files: [
      { path: "~/.config/Code/User/mcp.json", format: "json", servers: [["servers"]] },
      { path: "~/.config/Code/User/settings.json", format: "json", servers: [["mcp", "servers"], ["mcp.servers"]] },
      { path: "./.vscode/mcp.json", format: "json", servers: [["servers"]] },
      { path: "./.vscode/settings.json", format: "json", servers: [["mcp", "servers"], ["mcp.servers"]] },
    ],
    skills: [],
    keys: [],
    history: null,
    sealed: null,
  },
  {
    id: "gemini",
    name: "Gemini CLI",
    signs: ["~/.gemini"],
    files: [
      { path: "~/.gemini/settings.json", format: "json", servers: MCP_SERVERS },
      { path: "./.gemini/settings.json", format: "json", servers: MCP_SERVERS },
    ],
    skills: ["~/.gemini/skills", "./.gemini/skills"],
    keys: ["~/.gemini/oauth_creds.json", "~/.gemini/.env"],
    history: null,
    sealed: "aios run -- gemini",
  },
  {
    id: "openclaw",
    name: "OpenClaw",
    signs: ["~/.openclaw", "~/.clawdbot", "~/.moltbot"],
    files: [
      { path: "~/.openclaw/openclaw.json", format: "json", servers: [["mcp", "servers"], ["mcpServers"]] },
      { path: "~/.clawdbot/clawdbot.json", format: "json", servers: [["mcp", "servers"], ["mcpServers"]] },
      { path: "~/.moltbot/moltbot.json", format: "json", servers: [["mcp", "servers"], ["mcpServers"]] },
    ],
    skills: ["~/.openclaw/skills", "~/.openclaw/workspace/skills", "~/.clawdbot/skills", "~/clawd/skills"],
    keys: ["~/.openclaw/.env", "~/.openclaw/credentials", "~/.clawdbot/.env", "~/.clawdbot/credentials"],
    history: { folder: "~/.openclaw/agents", depth: 2, form: "openclaw" },
    sealed: "aios run -- openclaw",
  },
];
