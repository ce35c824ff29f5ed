import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { startTestNode, temporaryFolder } from '../../helpers/test-node.ts'

test('pages are one document, files are cached for ever, and everything carries the security headers', async (t) => {
  const web = await temporaryFolder(t)
  await mkdir(join(web, 'assets'))
  await writeFile(join(web, 'index.html'), '<!doctype html><title>pages</title>')
  await writeFile(join(web, 'assets', 'main-a1b2c3.js'), '1')
  await writeFile(join(web, '.hidden'), 'secret')
  const { ask } = await startTestNode(t, { config: { web } })
  for (const path of ['/', '/live', '/recordings/x?t=3', '/sign-in', '/s/abc.def', '/account']) {
    const { status, text, headers } = await ask(path, { as: 'nobody' })
    t.is(status, 200, path)
    t.true(text.includes('pages'))
    t.is(headers['cache-control'], 'no-cache')
    t.true(String(headers['content-security-policy']).includes("frame-ancestors 'none'"))
    t.is(headers['x-content-type-options'], 'nosniff')
    t.is(headers['referrer-policy'], 'no-referrer')
    t.is(headers['strict-transport-security'], undefined)
  }
  const asset = await ask('/assets/main-a1b2c3.js', { as: 'nobody' })
  t.is(asset.headers['cache-control'], 'public, max-age=31536000, immutable')
  for (const path of [
    '/assets/gone.js',
    '/.hidden',
    '/api/nothing',
    '/agent/v1',
    '/..%2f..%2fetc%2fpasswd',
    '/assets/..%2f.hidden',
  ]) {
    const { status, text } = await ask(path)
    t.true(status === 404 || status === 403, `${path} ${status}`)
    t.false(text.includes('secret'))
  }
})

test('the API describes itself to programs and to people', async (t) => {
  const { ask } = await startTestNode(t)
  const document = (await ask('/api/openapi.json', { as: 'nobody' })).json
  t.is(document.openapi, '3.1.0')
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods as object).map((method) => `${method} ${path}`),
  )
  t.snapshot(all.sort())
  const page = await ask('/api', { as: 'nobody' })
  t.true(page.text.includes('/api/recordings/{id}/streams/{stream}'))
  t.false(page.text.includes('<script'))
})

test('bodies that are too large or not JSON are refused in the same shape', async (t) => {
  const { ask } = await startTestNode(t)
  const post = (body: string, type = 'application/json') =>
    ask('/api/session', { method: 'POST', as: 'nobody', body, headers: { 'content-type': type } })
  t.is((await post(JSON.stringify({ user: 'a'.repeat(100_000), password: 'x' }))).status, 413)
  t.is((await post('{')).status, 400)
  t.is((await post('<a/>', 'text/xml')).status, 415)
  t.is((await post('{"user":"a"}')).json.error.code, 'invalid')
  t.is((await post('{"__proto__":{"x":1},"user":"a","password":"b"}')).status, 400)
  for (const bad of [
    'limit=0',
    'limit=501',
    'state=odd',
    'from=yesterday',
    'after=%00',
    'sort=user',
    `q=${'x'.repeat(300)}`,
  ])
    t.is((await ask(`/api/recordings?${bad}`)).json.error.code, 'invalid', bad)
})
