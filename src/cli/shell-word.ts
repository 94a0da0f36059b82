/** One word of a command for a person to copy, quoted for a shell when it needs it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** ` --home DIR` for a hint when the person named the home on the command line, else nothing. */
export function homeFlag(args: { has(flag: string): boolean }, home: { readonly path: string }): string {
  return args.has("home") ? ` --home ${shellWord(home.path)}` : "";
}
