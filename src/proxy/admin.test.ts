import { describe, expect, it } from 'vitest'
import { startAdmin, type Admin } from './admin.ts'
import { openClient } from './testing/raw-client.ts'
import { until } from './testing/until.ts'

const start = (): Promise<Admin> => startAdmin({ notReady: () => 'it is early', metrics: () => [], stats: () => ({ open: 1 }) }, '127.0.0.1', 0)

describe('the admin port', () => {
  const head = (text: string): string => `${text} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n`

  it.each([
    { request: head('GET /healthz'), status: 200, body: 'ok\n' },
    { request: head('GET /healthz?verbose=1'), status: 200, body: 'ok\n' },
    { request: 'GET /healthz HTTP/1.0\r\n', status: 200, body: 'ok\n' },
    { request: head('HEAD /healthz'), status: 200, body: '' },
    { request: head('GET /readyz'), status: 503, body: 'not ready: it is early\n' },
    { request: head('GET /stats'), status: 200, body: '{\n  "open": 1\n}\n' },
    { request: head('GET /else'), status: 404, body: 'Here are /metrics, /healthz, /readyz and /stats.\n' },
    { request: head('DELETE /stats'), status: 405, body: 'Read only.\n' },
    { request: 'nonsense\r\n', status: 400, body: 'This is not an HTTP/1.1 request.\n' },
    { what: 'a head of 24 kB', request: `GET /healthz HTTP/1.1\r\n${'x: y\r\n'.repeat(4000)}`, status: 400, body: 'This is not an HTTP/1.1 request.\n' },
  ].map((row) => ({ what: row.request.trim(), ...row })))('answers $what with $status', async ({ request, status, body }) => {
    const admin = await start()
    const client = await openClient(admin.port)
    for (const piece of request.match(/[^]{1,7000}/g) ?? []) client.send(piece)
    client.send('\r\n')
    const answer = await client.hearsEnd()
    expect(answer).toContain(`HTTP/1.1 ${status} `)
    expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe(body)
    expect(client.wasReset).toBe(false)
    client.socket.destroy()
    admin.close()
  })

  it('answers who has closed its side, a scrape too, which takes longer than that is known', async () => {
    const admin = await startAdmin({ notReady: () => undefined, metrics: () => ['first\n', 'second\n', 'third\n'], stats: () => ({}) }, '127.0.0.1', 0)
    const client = await openClient(admin.port)
    client.socket.end('GET /metrics HTTP/1.0\r\n\r\n')
    expect(await client.hearsEnd()).toMatch(/ 200 OK\r\n[^]*\r\n\r\nfirst\nsecond\nthird\n$/)
    admin.close()
  })

  it('answers a probe while many others have said nothing, or half of a request: who came first gives way', async () => {
    const admin = await start()
    const silent = await Promise.all(Array.from({ length: 150 }, () => openClient(admin.port)))
    for (const client of silent.slice(0, 75)) client.send('GET /readyz HT')
    const probe = await openClient(admin.port)
    probe.send(`${head('GET /healthz')}\r\n`)
    expect(await probe.hearsEnd()).toContain('HTTP/1.1 200 OK')
    await until('those that gave way', () => silent.filter(({ isClosed, hasEnded }) => isClosed || hasEnded).length === 51)
    for (const client of silent) client.socket.destroy()
    admin.close()
  })

  it('ends with half of a request, and answers the first of several', async () => {
    const admin = await start()
    const half = await openClient(admin.port)
    half.socket.end('GET /healthz HTTP/1.1\r\n')
    expect(await half.hearsEnd()).toBe('')
    const several = await openClient(admin.port)
    several.send(`${head('GET /healthz')}\r\n${head('GET /stats')}\r\n`)
    const answer = await several.hearsEnd()
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    expect(answer).toContain('ok\n')
    several.socket.destroy()
    admin.close()
  })

  it('answers a head that does not end before it is all read', async () => {
    const admin = await start()
    const client = await openClient(admin.port)
    client.send(`GET /healthz HTTP/1.1\r\n${'x: y\r\n'.repeat(3000)}`)
    expect(await client.hearsEnd()).toContain('HTTP/1.1 400 ')
    client.socket.destroy()
    admin.close()
  })

  it('lets no body overtake its answer', async () => {
    const admin = await start()
    const client = await openClient(admin.port)
    client.send(`POST /stats HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`)
    expect(await client.hearsEnd()).toMatch(/^HTTP\/1\.1 405 [^]*\r\nAllow: GET, HEAD\r\n/)
    expect(client.wasReset).toBe(false)
    client.socket.destroy()
    admin.close()
  })
})

describe('a scrape', () => {
  it('lets others be served between its slices', async () => {
    let served = 0
    function* slices(): Generator<string> {
      yield 'first\n'
      // Without an end of its own it would run until somebody else was served.
      while (served === 0) yield ''
      yield 'last\n'
    }
    const admin = await startAdmin({ notReady: () => void (served += 1), metrics: slices, stats: () => ({}) }, '127.0.0.1', 0)
    const url = `http://127.0.0.1:${admin.port}`
    const scrape = fetch(`${url}/metrics`).then((response) => response.text())
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect(await scrape).toBe('first\nlast\n')
    admin.close()
  })

  it('that cannot be rendered is an error, not half of a text', async () => {
    function* slices(): Generator<string> {
      yield 'first\n'
      throw new Error('broken')
    }
    const admin = await startAdmin({ notReady: () => undefined, metrics: slices, stats: () => ({}) }, '127.0.0.1', 0)
    const response = await fetch(`http://127.0.0.1:${admin.port}/metrics`)
    expect(response.status).toBe(500)
    expect(await response.text()).toBe('This could not be rendered.\n')
    admin.close()
  })
})
