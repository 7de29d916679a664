/** What we lay over the OHIF viewer's published build: its settings (a classic script, run before the viewer) and a style sheet. */
import { defineConfig } from "vite";

export default defineConfig({
  publicDir: "src/viewer/public",
  build: {
    outDir: "dist/viewer",
    lib: { entry: "src/viewer/app-config.ts", formats: ["iife"], name: "radbridge", fileName: () => "app-config.js" },
  },
});
