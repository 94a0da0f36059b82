/** What one layer may import. */
export interface LayerRule {
  /** Layers of which it may use the code. */
  readonly uses: readonly string[];
  /** Layers of which it may use the types only. */
  readonly types: readonly string[];
  /** Packages that it may use; a name that ends in `/*` stands for all of a scope, `node:*` for Node's own modules. */
  readonly packages: readonly string[];
}

/** DESIGN 10: trust falls as you go down this table, and nothing reaches for what it was not handed. */
export const IMPORT_MATRIX: { readonly [layer: string]: LayerRule } = {
  kernel: { uses: [], types: [], packages: [] },
  protocol: { uses: ["kernel"], types: [], packages: [] },
  sandbox: { uses: ["kernel", "protocol"], types: [], packages: [] },
  showing: { uses: ["kernel", "protocol"], types: [], packages: [] },
  // It starts what `sandbox` plans; of the others it needs to know shapes, never decisions.
  platform: { uses: ["sandbox"], types: ["kernel", "protocol"], packages: ["node:*", "koffi"] },
  monitor: { uses: ["kernel", "protocol", "sandbox", "showing"], types: ["platform"], packages: ["@cedar-policy/*"] },
  face: { uses: ["kernel", "protocol"], types: ["platform"], packages: ["@modelcontextprotocol/*"] },
  // It meets browsers as a published port does, and judges their requests by the same rules.
  console: { uses: ["kernel", "protocol", "face"], types: ["platform"], packages: [] },
  // Runs in a browser.
  page: { uses: ["kernel", "protocol", "showing"], types: [], packages: [] },
  drivers: { uses: ["kernel", "protocol"], types: ["platform"], packages: ["@modelcontextprotocol/*"] },
  extensions: { uses: ["kernel", "protocol"], types: ["platform"], packages: ["json5", "smol-toml"] },
  telemetry: { uses: ["kernel", "protocol"], types: ["platform"], packages: [] },
  cli: { uses: ["kernel", "protocol", "sandbox", "showing", "extensions"], types: ["platform"], packages: ["yaml"] },
  main: {
    uses: [
      "kernel",
      "protocol",
      "sandbox",
      "showing",
      "platform",
      "monitor",
      "face",
      "console",
      "drivers",
      "extensions",
      "telemetry",
      "cli",
    ],
    types: [],
    packages: ["node:*", "@modelcontextprotocol/*", "@cedar-policy/*", "@babel/parser", "@sigstore/*"],
  },
};

/** Where in a layer a package may be used, for those that are not for the whole layer. */
export const PACKAGE_HOMES: { readonly [name: string]: readonly string[] } = {
  "@cedar-policy/cedar-wasm/nodejs": ["src/monitor/policy/", "src/main/"],
  koffi: ["src/platform/libc.ts"],
  "@babel/parser": ["src/main/vet-tools.ts"],
  "@sigstore/bundle": ["src/main/sigstore.ts"],
  "@sigstore/protobuf-specs": ["src/main/sigstore.ts"],
  "@sigstore/verify": ["src/main/sigstore.ts"],
};
