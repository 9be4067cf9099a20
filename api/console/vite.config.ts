import { defineConfig } from "vite";

// Two entries: the console (queue, incident, messages) and the style of the pages that need no script.
export default defineConfig({
  base: "/assets/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    assetsDir: "",
    assetsInlineLimit: 0, // the content policy allows no data: addresses
    manifest: "manifest.json",
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { console: "src/main.tsx", pages: "src/pages.ts" } },
  },
});
