import { once } from 'node:events'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { parsePodinfoFlags } from './podinfo-flags.ts'
import { createPodinfo, type Podinfo } from './podinfo-server.ts'

let server: http.Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function start(args: readonly string[] = [], random = Math.random): Promise<{ readonly podinfo: Podinfo; readonly ask: (path: string, init?: RequestInit) => Promise<Response> }> {
  const podinfo = createPodinfo(parsePodinfoFlags(args, {}), { version: '6.9.2', hostname: 'pod-1', env: { A: '1' }, random })
  server = http.createServer(podinfo.handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { podinfo, ask: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init) }
}

describe('the flags of podinfo', () => {
  it.each([
    [['--port=1234'], {}, { port: 1234 }],
    [['--port', '1234', '--level', 'debug'], {}, { port: 1234, level: 'debug' }],
    [['--random-error', '--backend-url=http://x'], {}, { isRandomError: true }],
    [['--random-error=false'], {}, { isRandomError: false }],
    [['--random-delay', '--random-delay-min=600', '--random-delay-max=900', '--random-delay-unit=ms'], {}, { isRandomDelay: true, delayMinMs: 600, delayMaxMs: 900 }],
    [['--random-delay'], {}, { delayMinMs: 0, delayMaxMs: 5000 }],
    [[], { PODINFO_UI_MESSAGE: 'hi', PODINFO_UI_COLOR: 'red' }, { message: 'hi', color: 'red' }],
    [['--ui-message=flag'], { PODINFO_UI_MESSAGE: 'env' }, { message: 'flag' }],
  ] as const)('%j with %j give %j', (args, env, expected) => expect(parsePodinfoFlags(args, env)).toMatchObject(expected))
})

describe('podinfo, as observed on 6.9.2,', () => {
  it.each([
    ['GET', '/version', 200, '{\n  "commit": "sandbox",\n  "version": "6.9.2"\n}'],
    ['GET', '/healthz', 200, '{\n  "status": "OK"\n}'],
    ['GET', '/readyz', 200, '{\n  "status": "OK"\n}'],
    ['GET', '/status/503', 503, '{\n  "status": 503\n}'],
    ['GET', '/delay/0', 200, '{\n  "delay": 0\n}'],
    ['GET', '/chunked/0', 200, '{\n  "delay": 0\n}'],
    ['GET', '/nope', 404, '404 page not found\n'],
    ['DELETE', '/', 405, ''],
    ['POST', '/readyz/disable', 202, ''],
  ])('answers %s %s with %d', async (method, path, status, body) => {
    const { ask } = await start()
    const answer = await ask(path, { method })
    expect([answer.status, await answer.text()]).toEqual([status, body])
  })

  it('says who it is, echoes, and shows headers as Go does', async () => {
    const { ask } = await start(['--ui-message=hello'])
    expect(await (await ask('/')).json()).toMatchObject({ hostname: 'pod-1', version: '6.9.2', message: 'hello', color: '#34577c' })
    const echo = await ask('/echo', { method: 'POST', body: 'text' })
    expect([echo.status, echo.headers.get('x-color'), await echo.text()]).toEqual([202, '#34577c', 'text'])
    expect(await (await ask('/headers', { headers: { 'x-some-thing': 'a' } })).json()).toMatchObject({ 'X-Some-Thing': ['a'], 'X-Api-Version': ['6.9.2'] })
  })

  it.each([
    [0, 0, 500],
    [0.3, 0.5, 400],
    [0.1, 0.9, 409],
    [0.4, 0, 200],
  ])('with random errors and chances %d, %d answers %d', async (first, second, status) => {
    const chances = [first, second]
    const { ask } = await start(['--random-error'], () => chances.shift() ?? 0.9)
    expect((await ask('/')).status).toBe(status)
  })

  it('is unready when told so, and unhealthy when it stops', async () => {
    const { ask, podinfo } = await start()
    await ask('/readyz/disable', { method: 'POST' })
    expect((await ask('/readyz')).status).toBe(503)
    await ask('/readyz/enable', { method: 'POST' })
    expect((await ask('/readyz')).status).toBe(200)
    podinfo.stop()
    expect([(await ask('/readyz')).status, (await ask('/healthz')).status, (await ask('/')).status]).toEqual([503, 503, 200])
  })

  it('counts its requests', async () => {
    const { ask } = await start()
    await (await ask('/status/500')).text()
    const text = await (await ask('/metrics')).text()
    expect(text).toContain('http_request_duration_seconds_count{method="GET",path="status",status="500"} 1')
    expect(text).toContain('http_requests_total{status="500"} 1')
  })
})
