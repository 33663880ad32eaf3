import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Peer } from '../../src/proxy/testing/peer.ts'
import { ask, get, openClient } from '../../src/proxy/testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from '../../src/proxy/testing/raw-server.ts'
import { until } from '../../src/proxy/testing/until.ts'
import { endings } from './lib/at-end.ts'
import { startSidecar, type Sidecar } from './lib/sidecar.ts'
import { leftovers, openFiles } from './lib/watch.ts'

const atEnd = endings()
const post = (length: number): string => `POST /silent HTTP/1.1\r\nHost: app\r\nContent-Length: ${length}\r\n\r\nabc`
const upgrade = get('/ws', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13')
const large = Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n'), Buffer.alloc(10_000_000, 'b')])

/** What the app does with a request, by its path. */
const habits: Readonly<Record<string, (connection: Peer) => void>> = {
  ok: (connection) => connection.send(respond('ok')),
  silent: () => undefined,
  half: (connection) => connection.send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf'),
  halfHead: (connection) => connection.send('HTTP/1.1 200 OK\r\nConte'),
  endless: (connection) => connection.send('HTTP/1.1 200 OK\r\n\r\nsome'),
  ws: (connection) => connection.send('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
  large: (connection) => void connection.socket.write(large),
}
const start = async ({ forgets = true } = {}): Promise<{ readonly app: RawServer; readonly sidecar: Sidecar }> => {
  const app = await startRawServer(
    answering((head, connection) => {
      habits[/^\S+ \/(\w+)/.exec(head)?.[1] ?? 'ok']?.(connection)
      return undefined
    }),
    { forgets },
  )
  atEnd(() => app.close())
  const sidecar = await startSidecar(app.port, ['--upstream-idle-ms', '1500'])
  atEnd(() => sidecar.stop())
  return { app, sidecar }
}

describe('a client that resets its connection', () => {
  it.each([
    ['before it has said anything', '', undefined],
    ['in the middle of a head', 'GET / HT', undefined],
    ['while it waits for the answer', get('/silent'), undefined],
    ['in the middle of its body', post(1000), undefined],
    ['in the middle of the answer’s head', get('/halfHead'), undefined],
    ['in the middle of the answer', get('/half'), 'half'],
    ['in an answer that ends with its connection', get('/endless'), 'some'],
    ['between two requests', get('/ok'), 'ok'],
    ['in a WebSocket', upgrade, '101 Switching'],
    ['with a large answer on its way', get('/large'), 'bbb'],
  ])('%s leaves nothing behind', async (_when, text, heard) => {
    const { app, sidecar } = await start()
    const before = openFiles(sidecar)
    const clients = await Promise.all(Array.from({ length: 20 }, () => openClient(sidecar.route)))
    for (const client of clients) client.send(text)
    if (heard !== undefined) for (const client of clients) await client.hears(heard)
    // Whatever of it the sidecar has seen by then: there is nothing that it would say.
    else await sleep(20)
    for (const { socket } of clients) socket.resetAndDestroy()
    await expect.poll(() => leftovers(sidecar), { timeout: 20_000 }).toEqual({})
    await expect.poll(() => app.connections.length, { timeout: 20_000 }).toBe(0)
    await expect.poll(() => openFiles(sidecar), { timeout: 20_000 }).toBeLessThanOrEqual(before + 1)
    expect((await ask(sidecar.route, get('/ok'))).body).toBe('ok')
  })
})

describe('an app that resets its connection', () => {
  it.each([
    ['while a request waits', get('/silent'), undefined, 502],
    ['in the middle of a body', post(1_000_000), undefined, 502],
    ['in the middle of its head', get('/halfHead'), undefined, 502],
    ['in the middle of its answer', get('/half'), 'half', 'reset'],
    ['in an answer that ends with its connection', get('/endless'), 'some', 'reset'],
    ['in a WebSocket', upgrade, '101 Switching', 'reset'],
    ['between two requests', get('/ok'), 'ok', 200],
  ] as const)('%s is told to its client', async (_when, text, heard, told) => {
    const { app, sidecar } = await start()
    const client = await openClient(sidecar.route)
    client.send(text)
    if (heard !== undefined) await client.hears(heard)
    await until('the app to be asked', () => app.connections[0]?.received.includes('\r\n\r\n') === true)
    app.connections[0]?.socket.resetAndDestroy()
    if (told === 'reset') {
      await until('the reset', () => client.isClosed)
      expect(client.wasReset).toBe(true)
    } else {
      client.received = ''
      if (told === 200) client.send(get('/ok'))
      expect((await client.response()).status).toBe(told)
    }
    client.socket.destroy()
    await expect.poll(() => leftovers(sidecar), { timeout: 20_000 }).toEqual({})
    expect((await ask(sidecar.route, get('/ok'))).body).toBe('ok')
  })
})

describe('a WebSocket', () => {
  it.each(['client', 'app'] as const)('passes the last byte of its %s on, and stays open the other way', async (first) => {
    const { app, sidecar } = await start({ forgets: false })
    const client = await openClient(sidecar.route)
    client.send(upgrade)
    await client.hears('101 Switching')
    const server = await app.connection(0)
    const [one, other] = first === 'client' ? [client, server] : [server, client]
    one.socket.end('last words')
    await other.hears('last words')
    await until('the end', () => other.hasEnded)
    other.send('z'.repeat(1_000_000))
    await until('all of it', () => one.receivedBytes >= 1_000_000)
    expect(one.isClosed).toBe(false)
    other.socket.end()
    await until('both ends', () => one.isClosed && other.isClosed)
    await expect.poll(() => leftovers(sidecar), { timeout: 20_000 }).toEqual({})
  })
})
