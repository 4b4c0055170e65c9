import tailwindcss from '@tailwindcss/vite'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  base: '/app/',
  plugins: [tailwindcss()],
  resolve: { alias: { '~': new URL('./src', import.meta.url).pathname } },
  build: {
    outDir: 'dist/app',
    emptyOutDir: true,
    assetsInlineLimit: 0, // the page's policy refuses data: scripts, and images are cached better as files
    target: 'es2023',
    reportCompressedSize: false,
    rolldownOptions: { onwarn: (w, warn) => w.code !== 'MODULE_LEVEL_DIRECTIVE' && warn(w) },
  },
  server: {
    // npm run dev: pages from here, the API and the login from a server (PLUMBLINE names another).
    proxy: {
      '^/(api|oauth2|_archivist)/': { target: process.env.PLUMBLINE ?? 'http://127.0.0.1:8080', changeOrigin: false },
      '^/app/(login|logout|setup|style.css|oauth2)': { target: process.env.PLUMBLINE ?? 'http://127.0.0.1:8080', changeOrigin: false },
    },
  },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
})
