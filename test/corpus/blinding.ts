import { registerHooks } from "node:module";

/* Put before a program (`--import`), has it take texts as they are: the screens without their defence. */
registerHooks({
  resolve: (specifier, context, next) => {
    const found = next(specifier, context);
    return found.url.endsWith("/src/showing/visible.ts")
      ? { ...found, url: new URL("blind-visible.ts", import.meta.url).href }
      : found;
  },
});
