import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { get, openClient } from '../../src/proxy/testing/raw-client.ts'
import { until } from '../../src/proxy/testing/until.ts'
import { endings } from './lib/at-end.ts'
import { startAppOf } from './lib/plain-app.ts'
import { startSidecar, type Sidecar } from './lib/sidecar.ts'
import { leftovers, megabytes, openFiles } from './lib/watch.ts'

const atEnd = endings()
const start = async (...args: Parameters<typeof startSidecar>): Promise<Sidecar> => {
  const sidecar = await startSidecar(...args)
  atEnd(() => sidecar.stop())
  return sidecar
}
const startApp = async (bytes: number): Promise<number> => {
  const app = await startAppOf(bytes)
  atEnd(() => app.close())
  return app.port
}
const inFlight = async (sidecar: Sidecar): Promise<number> => (await sidecar.stats()).requestsInFlight
/** What the process holds at most while `what` runs, MB. */
async function most(sidecar: Sidecar, what: () => Promise<unknown>): Promise<number> {
  let highest = 0
  const look = setInterval(() => (highest = Math.max(highest, megabytes(sidecar))), 50)
  await what()
  clearInterval(look)
  return highest
}

describe('memory', () => {
  it('does not hold what slow readers leave: ten of them with 100 MB each', async () => {
    const sidecar = await start(await startApp(100_000_000))
    const before = megabytes(sidecar)
    const highest = await most(sidecar, async () => {
      const clients = await Promise.all(Array.from({ length: 10 }, () => openClient(sidecar.route)))
      for (const client of clients) {
        client.countsOnly = true
        client.send(get('/'))
        client.socket.once('data', () => client.socket.pause())
      }
      await until('the beginnings', () => clients.every(({ receivedBytes }) => receivedBytes > 0))
      // Another is served as if they were not there, until all that fits anywhere is full.
      const other = await openClient(sidecar.route)
      other.countsOnly = true
      other.send(get('/'))
      await until('an answer', () => other.receivedBytes > 100_000_000, () => String(other.receivedBytes), 60_000)
      for (const { socket } of clients) socket.resume()
      await until('all of it', () => clients.every(({ receivedBytes }) => receivedBytes > 100_000_000), () => clients.map(({ receivedBytes }) => receivedBytes).join(' '), 90_000)
      for (const { socket } of [...clients, other]) socket.destroy()
    })
    expect(highest - before).toBeLessThan(80)
  })

  it('does not hold uploads that the app does not take; they end with the time for an answer', async () => {
    const app = createServer((socket) => void socket.on('error', () => undefined).pause()).listen(0, '127.0.0.1')
    await once(app, 'listening')
    atEnd(() => app.close())
    const sidecar = await start((app.address() as AddressInfo).port, ['--response-timeout-ms', '3000'])
    const before = megabytes(sidecar)
    const highest = await most(sidecar, async () => {
      const clients = await Promise.all(Array.from({ length: 10 }, () => openClient(sidecar.route)))
      for (const { socket } of clients) {
        socket.write('POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 20000000\r\n\r\n')
        socket.write(Buffer.alloc(20_000_000))
      }
      await expect.poll(() => inFlight(sidecar)).toBe(10)
      await expect.poll(() => inFlight(sidecar), { timeout: 20_000 }).toBe(0)
      for (const { socket } of clients) socket.destroy()
    })
    expect(highest - before).toBeLessThan(60)
    await expect.poll(() => leftovers(sidecar), { timeout: 20_000 }).toEqual({})
  })

  it('and descriptors come back after 20,000 connections of which a third was given up', async () => {
    const sidecar = await start(await startApp(1000), ['--upstream-idle-ms', '500'])
    await storm(sidecar, 4000)
    await expect.poll(() => leftovers(sidecar), { timeout: 30_000 }).toEqual({})
    const [filesBefore, before] = [openFiles(sidecar), megabytes(sidecar)]
    await storm(sidecar, 16_000)
    await expect.poll(() => leftovers(sidecar), { timeout: 30_000 }).toEqual({})
    await expect.poll(() => openFiles(sidecar), { timeout: 20_000 }).toBeLessThanOrEqual(filesBefore + 2)
    expect(megabytes(sidecar) - before).toBeLessThan(30)
  })
})

/** Connections, fifty at a time: a third of them resets at once or leaves with the first bytes of the answer. */
async function storm({ route }: Sidecar, count: number): Promise<void> {
  let left = count
  const one = async (kind: number): Promise<void> => {
    const { socket } = await openClient(route)
    socket.write(get('/', 'Connection: close'))
    socket.on('end', () => socket.end())
    if (kind % 6 === 0) socket.resetAndDestroy()
    else if (kind % 6 === 1) socket.once('data', () => socket.destroy())
    await once(socket, 'close')
  }
  const worker = async (): Promise<void> => {
    while (left > 0) await one(left--)
  }
  await Promise.all(Array.from({ length: 50 }, worker))
}
