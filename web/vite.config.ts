import { fileURLToPath } from 'node:url'
import preact from '@preact/preset-vite'
import { defineConfig } from 'vite'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [preact({ prefreshEnabled: false, devToolsEnabled: false })],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2024',
    // The content security policy allows no inline script, which the polyfill would be.
    modulePreload: { polyfill: false },
    // Everything is a file of its own: the policy allows data: for pictures only, and a small font would become one.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
  },
  // `npx vite web` while a node runs beside it, for work on the pages.
  server: {
    host: 'localhost',
    proxy: { '/api': { target: 'https://localhost:8443', secure: false, ws: true } },
  },
})
