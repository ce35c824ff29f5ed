import type { App } from './context.ts'

interface Operation {
  summary?: string
  description?: string
  parameters?: { name: string; in: string; required?: boolean; description?: string }[]
  requestBody?: { content?: Record<string, { schema?: unknown }> }
}

/** The OpenAPI document for programs, and the same as one page for people: no script, nothing from elsewhere. */
export function addApiPage(app: App): void {
  app.get('/api/openapi.json', { config: { open: true }, schema: { hide: true } }, async () => app.swagger())
  app.get('/api', { config: { open: true }, schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(render(app.swagger() as Parameters<typeof render>[0])),
  )
}

function render(document: {
  info: { title: string; version: string }
  paths?: Record<string, unknown>
}): string {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(([method, operation]) =>
      section(method.toUpperCase(), path, operation),
    ),
  )
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(document.info.title)}</title>
<style>body{font:16px/1.5 system-ui;max-width:56rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
code{font-family:ui-monospace,monospace}section{border-top:1px solid #8886;padding:.5rem 0}h2{font-size:1rem;margin:.3rem 0}
pre{overflow:auto;background:#8881;padding:.5rem}table{border-collapse:collapse}td{padding:.1rem 1rem .1rem 0;vertical-align:top}</style>
<h1>${escapeHtml(document.info.title)} ${escapeHtml(document.info.version)}</h1>
<p>For programs: <a href="/api/openapi.json">openapi.json</a>. Scripts send <code>Authorization: Bearer TOKEN</code>;
browsers their cookie, and with every change the header <code>x-csrf-token</code> from <code>GET /api/session</code>.
Refusals are <code>{"error":{"code","text","hint"}}</code>.</p>
<p><code>WS /api/recordings/:id/live?stream=cast&amp;from=OFFSET</code> sends binary messages (offset u64 big-endian, then bytes),
from the file and then as they come, and text <code>{"type":"state","state","size"}</code>.</p>
${operations.join('\n')}</html>`
}

function section(method: string, path: string, operation: Operation): string {
  const parameters = (operation.parameters ?? []).map(
    ({ name, description, required }) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${required ? 'required. ' : ''}${escapeHtml(description ?? '')}</td></tr>`,
  )
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema
  return `<section><h2><code>${method} ${escapeHtml(path)}</code></h2><p>${escapeHtml(operation.summary ?? '')}
${escapeHtml(operation.description ?? '')}</p>
${parameters.length > 0 ? `<table>${parameters.join('')}</table>` : ''}
${body ? `<pre>${escapeHtml(JSON.stringify(body, null, 1))}</pre>` : ''}</section>`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
}
