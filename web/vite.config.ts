/** The three pages. Their paths are the portal's: `/`, `/p/{code}` and `/view`. */
import { defineConfig } from "vitest/config";

const portal = "http://127.0.0.1:8080";

export default defineConfig({
  build: {
    rollupOptions: { input: ["index.html", "patient.html", "view.html"] },
    modulePreload: { polyfill: false },
    // inlined images would need `data:` wherever a page uses them
    assetsInlineLimit: 0,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: {
    proxy: { "/api": portal, "/dicom-web": portal, "/viewer": portal },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
