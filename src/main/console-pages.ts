/** What the console serves (platform/serving/page-files.ts). */
export const PAGES = {
  texts: {
    "/": ["index.html", "text/html"],
    "/sign": ["sign.html", "text/html"],
    "/enrol": ["enrol.html", "text/html"],
    "/style.css": ["style.css", "text/css"],
    "/icon.svg": ["icon.svg", "image/svg+xml"],
  },
  entries: ["app.ts", "sign.ts", "enrol.ts"],
} as const;
