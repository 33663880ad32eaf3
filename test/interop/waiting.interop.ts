import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Peer } from '../../src/proxy/testing/peer.ts'
import { get, openClient } from '../../src/proxy/testing/raw-client.ts'
import { answering, startRawServer } from '../../src/proxy/testing/raw-server.ts'
import { endings } from './lib/at-end.ts'
import { startSidecar } from './lib/sidecar.ts'

const atEnd = endings()
const large = Buffer.alloc(20_000_000, 'b')
const upgrade = get('/ws', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13')
const upload = 'POST /deaf HTTP/1.1\r\nHost: app\r\nContent-Length: 50000000\r\n\r\n'

const writes = ({ socket }: Peer, ...parts: readonly (string | Buffer)[]): void => {
  for (const part of parts) socket.write(part)
}
/** And then nothing more. */
const ends = (peer: Peer, ...parts: readonly (string | Buffer)[]): void => {
  writes(peer, ...parts)
  peer.socket.end()
}

/** What the app does with a request, by its path. */
const habits: Readonly<Record<string, (app: Peer) => unknown>> = {
  silent: () => undefined,
  half: (app) => writes(app, 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf'),
  large: (app) => writes(app, `HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`, large),
  last: (app) => ends(app, 'HTTP/1.1 200 OK\r\n\r\n', large),
  ws: (app) => writes(app, 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
  deaf: (app) => app.socket.pause(),
}
/** What a client does: it waits for the app or the app for it, often with one side closed or full. */
const waits: readonly ((client: Peer) => unknown)[] = [
  (client) => ends(client, get('/silent')),
  (client) => ends(client, get('/half')),
  (client) => writes(deafened(client), get('/large')),
  (client) => ends(deafened(client), get('/large')),
  (client) => writes(deafened(client), get('/last')),
  (client) => writes(client, upload, large),
  (client) => ends(client, upload, large.subarray(0, 100_000)),
  (client) => writes(client, get('/silent'), large),
  async (client) => {
    writes(client, upgrade)
    await client.hears('101 Switching')
    ends(client)
  },
]
function deafened(client: Peer): Peer {
  client.socket.pause()
  return client
}

it('connections that wait, one side of them closed or full, cost no CPU', async () => {
  const app = await startRawServer(
    answering((head, connection) => {
      void habits[/^\S+ \/(\w+)/.exec(head)?.[1] ?? 'silent']?.(connection)
      return undefined
    }),
  )
  atEnd(() => app.close())
  const sidecar = await startSidecar(app.port)
  atEnd(() => sidecar.stop())
  for (const wait of waits) {
    const clients = await Promise.all(Array.from({ length: 10 }, () => openClient(sidecar.route)))
    for (const client of clients) await wait(client)
    atEnd(() => clients.forEach(({ socket }) => socket.destroy()))
  }
  // Until what can be sent has been sent.
  await expect.poll(() => cpuMsWithin(sidecar.pid, 2000), { timeout: 30_000, interval: 0 }).toBeLessThan(500)
  expect((await sidecar.stats()).openConnections).toBeGreaterThan(50)
})

/** CPU time that a process takes within so many milliseconds; the kernel counts it in hundredths of a second. */
async function cpuMsWithin(pid: number, ms: number): Promise<number> {
  const ticks = (): number => {
    const [userTicks, systemTicks] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ').slice(13, 15)
    return Number(userTicks) + Number(systemTicks)
  }
  const before = ticks()
  await sleep(ms)
  return (ticks() - before) * 10
}
