/** Files that hold what opens something: keys, logins, wallets, what browsers keep. Of paths and of prose. */
export const KEY_PLACE: RegExp =
  /\.ssh\/(?!config\b|known_hosts\b|\*|$)[\w.*-]|\bid_(?:rsa|ed25519|ecdsa)\b(?!\.pub)|\.aws\/(?:credentials|sso)|\.npmrc\b|\.netrc\b|\.git-credentials\b|\.kube\/config|\.gnupg\b|\.docker\/config\.json|\.config\/gh\/hosts|\.config\/gcloud|\.azure\/(?:access|msal|service)|\.pypirc\b|\.vault-token|(?:^|[/\s`"'(])\.env(?:\.local|\.production)?(?=$|[\s`"'),.;:])|\.(?:openclaw|clawdbot|moltbot)\/(?:\.env|openclaw\.json|clawdbot\.json|credentials|agents)|\.claude\/\.credentials|\.claude\.json\b|\.codex\/auth|\.cursor\/mcp\.json|claude_desktop_config\.json|\/etc\/shadow\b/iu;

/** The same for wallets, keychains and browsers: nobody but their own program reads these. */
export const VAULT_PLACE: RegExp =
  /Login Data\b|Login Keychain|login\.keychain|Library\/Keychains|exodus\.wallet|\bExodus\/|\.electrum\b|Electrum\/wallets|Ledger Live|wallet\.dat\b|Local Extension Settings|nkbihfbeogaeaoehlefnkodbefgpgknn|\.config\/solana\/id\.json|\bkey4\.db\b|\blogins\.json\b|(?:Chrome|chrome|Chromium|Default|Brave-Browser|Firefox|firefox)\b[^\n]{0,60}\bCookies\b|(?:\.mozilla\/firefox|google-chrome)\b/u;

/** Files that shells, systems, git or agents obey. */
export const OBEYED_PLACE: RegExp =
  /\.(?:bashrc|bash_profile|bash_login|zshrc|zprofile|zshenv|profile)\b|\.config\/fish\/|LaunchAgents\b|LaunchDaemons\b|\/etc\/(?:cron|profile|ld\.so\.preload|sudoers)|\.config\/(?:autostart|systemd)\b|\.git\/hooks|\.gitconfig\b|\.ssh\/(?:authorized_keys|config|rc)\b|authorized_keys\b|\.claude\/(?:settings|agents|commands|hooks|skills)|\.claude\.json\b|claude_desktop_config\.json|\.cursor\/(?:mcp\.json|rules)|\.mcp\.json\b|\.vscode\/(?:tasks|settings|mcp)\.json|\.codex\/config|\.gemini\/settings|\.(?:openclaw|clawdbot)\/|exec-approvals\.json|(?:^|\/)(?:SOUL|HEARTBEAT|AGENTS|CLAUDE|MEMORY|IDENTITY)\.md\b|Start Menu\/Programs\/Startup|Start Menu\\\\Programs\\\\Startup|CurrentVersion\\\\Run\b/u;
