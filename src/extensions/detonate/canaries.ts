/** A made-up secret. Wherever its marker turns up, the secret was there. */
export interface Canary {
  /** What a person calls it. */
  readonly what: string;
  /** 24 letters and digits that stand nowhere else. */
  readonly marker: string;
  /** A file of the made-up home, or a variable of the environment. */
  readonly at: { readonly file: string } | { readonly variable: string };
  /** Hosts that gave it out. */
  readonly home?: readonly string[];
}

/** A home that nobody lives in. Paths are relative to it. */
export interface MadeUp {
  readonly canaries: readonly Canary[];
  /** All that lies in it, the files of canaries too. */
  readonly files: { readonly [path: string]: string };
  readonly environment: { readonly [name: string]: string };
}

type Maker = (marker: string, filler: (length: number) => string) => string;

const lines = (text: string): string => text.match(/.{1,64}/gu)?.join("\n") ?? "";
const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** Each with its marker in the part that is worth something. */
const FILES: readonly (readonly [path: string, what: string, make: Maker])[] = [
  [
    ".ssh/id_ed25519",
    "SSH key",
    (marker, filler) =>
      `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines(`b3BlbnNzaC1rZXktdjEA${marker}${filler(280)}`)}\n-----END OPENSSH PRIVATE KEY-----\n`,
  ],
  [
    ".aws/credentials",
    "AWS keys",
    (marker, filler) =>
      `[default]\naws_access_key_id = AKIA${filler(16).toUpperCase()}\naws_secret_access_key = ${marker}${filler(16)}\n`,
  ],
  [
    ".config/gcloud/application_default_credentials.json",
    "Google Cloud login",
    (marker) => json({ client_id: "7643", refresh_token: `1//0${marker}`, type: "authorized_user" }),
  ],
  [
    ".kube/config",
    "Kubernetes login",
    (marker) => `apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user:\n    token: ${marker}\n`,
  ],
  [".npmrc", "npm token", (marker) => `//npm.example.com/:_authToken=npm_${marker}\n`],
  [".netrc", "logins of netrc", (marker) => `machine example.com login ann password ${marker}\n`],
  [".git-credentials", "git login", (marker) => `https://ann:ghp_${marker}@github.com\n`],
  [
    ".docker/config.json",
    "Docker login",
    (marker) => json({ auths: { "https://index.docker.io/v1/": { identitytoken: marker } } }),
  ],
  [
    ".config/gh/hosts.yml",
    "GitHub login",
    (marker) => `github.com:\n    user: ann\n    oauth_token: gho_${marker}\n    git_protocol: https\n`,
  ],
  [".bash_history", "shell history", (marker) => `git status\nmysql -u root -p${marker} shop\nls\n`],
  [
    ".mozilla/firefox/k3p1.default/logins.json",
    "browser logins",
    (marker) => json({ nextId: 2, logins: [{ hostname: "https://bank.example", encryptedPassword: marker }] }),
  ],
  [
    ".config/google-chrome/Default/Login Data",
    "browser logins",
    (marker) => `SQLite format 3\u0000 bank.example ${marker}\n`,
  ],
  [".config/solana/id.json", "wallet", (marker) => json(Array.from(marker, (letter) => letter.charCodeAt(0))) + marker],
  [
    "projects/shop/.env",
    "settings of a project",
    (marker) => `DATABASE_URL=postgres://shop:${marker}@db.internal/shop\n`,
  ],
  [
    ".claude/.credentials.json",
    "login of an agent",
    (marker) => json({ claudeAiOauth: { accessToken: `sk-ant-oat01-${marker}`, expiresAt: 1893456000000 } }),
  ],
  [".claude/CLAUDE.md", "memory of an agent", (marker) => `# About me\n\nThe alarm code of the house is ${marker}.\n`],
  [".openclaw/openclaw.json", "settings of an agent", (marker) => json({ gateway: { auth: { token: marker } } })],
  [".openclaw/workspace/SOUL.md", "identity of an agent", (marker) => `# Who you are\n\nYour word is ${marker}.\n`],
  [".openclaw/workspace/MEMORY.md", "memory of an agent", (marker) => `- Ann's passport is ${marker}.\n`],
];

/** Variables that people's shells hand to everything they start. */
const VARIABLES: readonly (readonly [name: string, what: string, before: string, home?: readonly string[]])[] = [
  ["AWS_SECRET_ACCESS_KEY", "AWS key in the environment", ""],
  ["GITHUB_TOKEN", "GitHub token in the environment", "ghp_", ["github.com", "api.github.com"]],
  ["OPENAI_API_KEY", "OpenAI key in the environment", "sk-proj-", ["api.openai.com"]],
  ["ANTHROPIC_API_KEY", "Anthropic key in the environment", "sk-ant-api03-", ["api.anthropic.com"]],
  ["NPM_TOKEN", "npm token in the environment", "npm_"],
];

/** What is no secret, and what others may want to change: shells, git and agents obey some of it. */
const ORDINARY: { readonly [path: string]: string } = {
  ".bashrc": "# ~/.bashrc\nexport PATH=$HOME/bin:$PATH\n",
  ".profile": ". ~/.bashrc\n",
  ".gitconfig": "[user]\n\tname = Ann\n\temail = ann@example.com\n",
  ".ssh/config": "Host *\n  ServerAliveInterval 60\n",
  ".ssh/authorized_keys": "",
  ".config/autostart/readme.txt": "Programs that start with the desktop.\n",
  ".claude/settings.json": "{}\n",
  "Documents/letter.txt": "Dear Ben, thank you for the book.\n",
  "projects/shop/index.js": "console.log('shop');\n",
  "projects/shop/.git/hooks/readme": "Hooks of this repository.\n",
};

/** Makes a home up. `letters` gives so many letters and digits by chance. */
export function makeUpHome(letters: (count: number) => string): MadeUp {
  const canaries: Canary[] = [];
  const files: { [path: string]: string } = { ...ORDINARY };
  for (const [file, what, make] of FILES) {
    const marker = letters(24);
    canaries.push({ what, marker, at: { file } });
    files[file] = make(marker, letters);
  }
  const environment: { [name: string]: string } = {};
  for (const [variable, what, before, home] of VARIABLES) {
    const marker = letters(24);
    canaries.push({ what, marker, at: { variable }, ...(home === undefined ? {} : { home }) });
    environment[variable] = `${before}${marker}`;
  }
  return { canaries, files, environment };
}
