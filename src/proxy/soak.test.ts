import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Peer } from './testing/peer.ts'
import { ask, get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'

const big = 'b'.repeat(200_000)

/** What the app does with a request; the path says which. */
const appHabits: Readonly<Record<string, (connection: Peer) => void>> = {
  ok: (connection) => connection.send(respond('ok')),
  big: (connection) => connection.send(respond(big)),
  chunks: (connection) => connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'),
  close: (connection) => connection.socket.end(respond('ok', '200 OK', 'Connection: close')),
  endless: (connection) => connection.socket.end('HTTP/1.1 200 OK\r\n\r\nok'),
  short: (connection) => connection.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok'),
  die: (connection) => connection.socket.destroy(),
  reset: (connection) => connection.socket.resetAndDestroy(),
  silent: () => undefined,
  nonsense: (connection) => connection.send('what?\r\n\r\n'),
  poison: (connection) => connection.send(`${respond('ok')}${respond('poison')}`),
  interim: (connection) => connection.send(`HTTP/1.1 103 Early Hints\r\n\r\n${respond('ok')}`),
}
/** How a client leaves. */
const leavings = ['wait', 'end', 'destroy', 'reset', 'endLater'] as const

const step = fc.record({
  habit: fc.constantFrom(...Object.keys(appHabits)),
  method: fc.constantFrom('GET', 'POST', 'HEAD'),
  body: fc.constantFrom('none', 'whole', 'half', 'bad'),
})
const visit = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  leaving: fc.constantFrom(...leavings),
  port: fc.constantFrom('route' as const, 'direct' as const),
})

const requestOf = ({ habit, method, body }: { readonly habit: string; readonly method: string; readonly body: string }): string => {
  const head = `${method} /${habit} HTTP/1.1\r\nHost: a\r\n`
  if (body === 'whole') return `${head}Content-Length: 3\r\n\r\nabc`
  if (body === 'half') return `${head}Content-Length: 3\r\n\r\na`
  return body === 'bad' ? `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n` : `${head}\r\n`
}

describe('whatever clients and apps do', () => {
  let app: RawServer
  let canary: Rig
  let rig: Rig
  beforeAll(async () => {
    app = await startRawServer(
      answering((head, connection) => {
        appHabits[/^\S+ \/(\w+)/.exec(head)?.[1] ?? 'ok']?.(connection)
        return undefined
      }),
    )
    const limits = { lingerMs: 100, bodyTimeoutMs: 200, responseTimeoutMs: 200, halfClosedMs: 100, headTimeoutMs: 300, idleTimeoutMs: 500, continueTimeoutMs: 100 }
    canary = await startRig(app.port, { limits, table: { self: 'canary' } })
    rig = await startRig(app.port, {
      limits,
      table: { canaryWeightPercent: 50, rescue: 'idempotent', endpoints: { primary: [], canary: [{ address: '127.0.0.1', port: canary.direct }, { address: '127.0.0.1', port: 1 }] } },
    })
  })
  afterAll(async () => {
    await rig.close()
    await canary.close()
    app.close()
  })

  it('nothing is left over, nothing is counted twice, and the next request is served', async () => {
    const visits = fc.sample(visit, { numRuns: 400, seed: 20_261_123 })
    for (let from = 0; from < visits.length; from += 50) {
      await Promise.all(
        visits.slice(from, from + 50).map(async ({ steps, leaving, port }) => {
          const client = await openClient(rig[port])
          client.send(steps.map(requestOf).join(''))
          if (leaving === 'end') client.socket.end()
          else if (leaving === 'destroy') client.socket.destroy()
          else if (leaving === 'reset') setTimeout(() => client.socket.resetAndDestroy(), 5)
          else if (leaving === 'endLater') setTimeout(() => client.socket.end(), 20)
          await client.hearsEnd()
          // A poisoned answer must never be taken for somebody's.
          expect(client.received).not.toContain('poison')
          client.socket.destroy()
        }),
      )
    }
    for (const each of [rig, canary]) {
      await expect.poll(async () => (await each.stats()).openConnections, { timeout: 8000 }).toBeLessThanOrEqual(each === rig ? 0 : 50)
      await expect.poll(async () => (await each.stats()).requestsInFlight, { timeout: 8000 }).toBe(0)
      expect(each.logs.filter((line) => line.includes('bug'))).toEqual([])
    }
    expect((await ask(rig.route, get('/ok'))).body).toBe('ok')
    expect((await ask(rig.direct, get('/ok'))).body).toBe('ok')
  })
})
