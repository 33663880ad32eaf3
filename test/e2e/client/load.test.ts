import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { startLoad, type Stream } from './load.ts'
import { Tally, workloadOf, type Line } from './tally.ts'

const servers: http.Server[] = []
afterAll(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

async function serve(handler: http.RequestListener): Promise<{ readonly url: string; readonly server: http.Server }> {
  const server = http.createServer(handler)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server }
}

const podinfo = (message: string, hostname: string) => (_request: http.IncomingMessage, response: http.ServerResponse) =>
  void response.end(JSON.stringify({ message, hostname, version: '6.9.2' }))

/** Runs the load until `enough` says so, and returns all lines. */
async function linesOf(streams: readonly Stream[], enough: (line: Line) => boolean): Promise<readonly Line[]> {
  return new Promise((resolve) => {
    const load = startLoad(streams, (line) => {
      if (enough(line)) void load.stop().then(() => resolve(load.lines()))
    })
  })
}

const last = (lines: readonly Line[]): Line => lines.at(-1)!
const answeredBy = (lines: readonly Line[], who: string): number => lines.flatMap((line) => Object.values(line.streams)).reduce((sum, second) => sum + (second.answered[who] ?? 0), 0)
const stream = (url: string, more: Partial<Stream> = {}): Stream => ({ name: 'users', url, rate: 40, timeoutMs: 60_000, ...more })

// Each second of waiting is shared.
describe.concurrent('the load client', () => {
  it('counts who answered, by version and workload', async () => {
    const { url } = await serve(podinfo('v1', 'podinfo-primary-7d9c5b4f6-x2x4q'))
    const lines = await linesOf([stream(url)], (line) => line.total.answered >= 20)
    expect(answeredBy(lines, 'v1@podinfo-primary')).toBe(last(lines).total.answered)
    expect(last(lines).total).toMatchObject({ failed: 0, inFlight: 0 })
    expect(last(lines).total.sent).toBe(last(lines).total.answered)
  })

  it('sends the headers of each stream and counts the streams apart', async () => {
    const seen = new Set<string>()
    const { url } = await serve((request, response) => {
      seen.add(`${String(request.headers['x-user'])}/${String(request.headers.cookie)}`)
      podinfo('v1', 'a-b-ccccc')(request, response)
    })
    const lines = await linesOf(
      [stream(url, { name: 'a', headers: { 'x-user': 'insider' } }), stream(url, { name: 'b', headers: { cookie: 'canary=always' } })],
      (line) => line.total.answered >= 20,
    )
    expect(seen).toEqual(new Set(['insider/undefined', 'undefined/canary=always']))
    expect(new Set(lines.flatMap((line) => Object.keys(line.streams)))).toEqual(new Set(['a', 'b']))
  })

  it('names a failed status with the version that answered', async () => {
    const { url } = await serve((_request, response) => void response.writeHead(503).end(JSON.stringify({ message: 'v2', hostname: 'podinfo-1-aaaaa' })))
    const lines = await linesOf([stream(url)], (line) => line.total.failed >= 5)
    expect(lines.flatMap((line) => line.failures)[0]).toMatchObject({ kind: 'status', status: 503, stream: 'users', from: { version: 'v2', workload: 'podinfo' } })
  })

  it.each([
    ['a reset', (socket: Socket) => void socket.resetAndDestroy(), 'reset', 60_000],
    ['an answer cut short', (socket: Socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'), 'truncated', 60_000],
    ['silence', () => undefined, 'timeout', 200],
  ])('counts %s as a failure', async (_name, answer, kind, timeoutMs) => {
    const { url } = await serve((request) => answer(request.socket))
    const lines = await linesOf([stream(url, { connections: 'fresh', timeoutMs })], (line) => line.total.failed >= 3)
    expect(new Set(lines.flatMap((line) => line.failures).map((failure) => failure.kind))).toEqual(new Set([kind]))
    expect(last(lines).total.answered).toBe(0)
  })

  it('says of a request that is given up what it was still waiting for', async () => {
    const { url } = await serve(() => undefined)
    const lines = await linesOf([stream(url, { timeoutMs: 200 })], (line) => line.total.failed >= 3)
    expect(lines.flatMap((line) => line.failures)[0]?.detail).toBe('no complete answer in 200 ms, still waiting for the answer')
  })

  it('counts a refused connection as a failure', async () => {
    const { url, server } = await serve(podinfo('v1', 'a-b-ccccc'))
    await new Promise((resolve) => server.close(resolve))
    const lines = await linesOf([stream(url)], (line) => line.total.failed >= 3)
    expect(lines.flatMap((line) => line.failures)[0]).toMatchObject({ kind: 'refused' })
  })

  it('repeats a request whose kept-alive connection the server had closed, and says so', async () => {
    // Every connection serves one request, announces nothing, and is closed under the second.
    const used = new WeakSet<Socket>()
    const { url } = await serve((request, response) => {
      if (used.has(request.socket)) return void request.socket.resetAndDestroy()
      used.add(request.socket)
      return podinfo('v1', 'a-b-ccccc')(request, response)
    })
    const lines = await linesOf([stream(url, { rate: 50 })], (line) => line.total.staleRetries >= 3)
    expect(last(lines).total).toMatchObject({ failed: 0, inFlight: 0 })
  })

  it('goes on sending when nothing is answered', async () => {
    const { url } = await serve(() => undefined)
    const lines = await linesOf([stream(url, { rate: 100, timeoutMs: 300 })], (line) => line.total.sent >= 150)
    expect(last(lines).total).toMatchObject({ answered: 0, failed: last(lines).total.sent })
  })
})

describe('a tally', () => {
  it('closes a second with its percentiles and keeps the totals', () => {
    const tally = new Tally()
    for (let ms = 1; ms <= 100; ms += 1) {
      tally.sent()
      tally.answered('users', { version: 'v1', workload: 'app' }, ms)
    }
    expect(tally.cut(7)).toEqual({
      second: 7,
      streams: { users: { answered: { 'v1@app': 100 }, failed: 0, staleRetries: 0, p50Ms: 51, p99Ms: 100, maxMs: 100 } },
      failures: [],
      total: { sent: 100, answered: 100, failed: 0, inFlight: 0, staleRetries: 0 },
    })
    expect(tally.cut(8)).toMatchObject({ second: 8, streams: {}, total: { sent: 100 } })
  })

  it('counts an answer in the second in which it is heard, however late the timer is that ends the one before', () => {
    const lines: Line[] = []
    let [second, now] = [7, 7]
    const tally: Tally = new Tally(() => {
      if (now === second) return
      lines.push(tally.cut(second))
      second = now
    })
    tally.answered('users', { version: 'v1', workload: 'app' }, 1)
    now = 8
    tally.answered('users', { version: 'v2', workload: 'app' }, 1)
    expect([...lines, tally.cut(second)]).toMatchObject([{ second: 7, streams: { users: { answered: { 'v1@app': 1 } } } }, { second: 8, streams: { users: { answered: { 'v2@app': 1 } } } }])
  })

  it.each([
    ['podinfo-primary-7d9c5b4f6-x2x4q', 'podinfo-primary'],
    ['podinfo-7d9c5b4f6-x2x4q', 'podinfo'],
    ['solo', 'solo'],
  ])('reads %s as a pod of %s', (pod, workload) => expect(workloadOf(pod)).toBe(workload))
})
