import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { startHttp2App, say } from '../../src/proxy/h2/testing/http2-app.ts'
import { openHttp2, request } from '../../src/proxy/h2/testing/http2-client.ts'
import { get, openClient } from '../../src/proxy/testing/raw-client.ts'
import { until } from '../../src/proxy/testing/until.ts'
import { endings } from './lib/at-end.ts'
import { startAppOf, startAppProcess } from './lib/plain-app.ts'
import { startSidecar, type Sidecar } from './lib/sidecar.ts'
import { leftovers } from './lib/watch.ts'

const atEnd = endings()
const start = async (...args: Parameters<typeof startSidecar>): Promise<Sidecar> => {
  const sidecar = await startSidecar(...args)
  atEnd(() => sidecar.stop())
  return sidecar
}

/** Asks on one connection of HTTP/1.1 until it is told to leave; the statuses that it got go to `statuses`. */
async function askByHttp1(port: number, statuses: (number | undefined)[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let isTold = false; !isTold; ) {
    const request = httpRequest({ port, host: '127.0.0.1', agent }).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    await once(response.resume(), 'end')
    statuses.push(response.statusCode)
    isTold = response.headers.connection === 'close'
  }
  agent.destroy()
}

/** The same in HTTP/2, ten streams at a time. */
async function askByHttp2(port: number, statuses: (number | undefined)[]): Promise<void> {
  const session = await openHttp2(port)
  let isTold = false
  session.on('goaway', () => (isTold = true))
  while (!isTold) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => request(session, { ':path': '/' })))
    statuses.push(...answers.map(({ status }) => status))
  }
  session.close()
}

describe('SIGTERM under load', () => {
  it.each([
    ['HTTP/1.1', () => startAppOf(10_000), askByHttp1, 30],
    ['HTTP/2', () => startHttp2App(say('b'.repeat(10_000))), askByHttp2, 5],
  ] as const)('loses no request of %s: those under way end, later ones are served until their client was told to leave', async (_protocol, startApp, askOn, count) => {
    const app = await startApp()
    atEnd(() => app.close())
    const sidecar = await start(app.port, ['--drain-min-ms', '1000', '--drain-quiet-ms', '500'])
    const statuses: (number | undefined)[] = []
    const clients = Array.from({ length: count }, () => askOn(sidecar.route, statuses))
    await until('some answers', () => statuses.length > 1000, () => String(statuses.length), 30_000)
    sidecar.signal('SIGTERM')
    await Promise.all(clients)
    await until('the exit', () => sidecar.hasExited(), () => sidecar.output(), 20_000)
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(sidecar.output()).toContain('"stopped"')
  })
})

describe('an app that crashes under load', () => {
  it('costs 502 and 503 while it is away, and nothing afterwards', async () => {
    let app = await startAppProcess()
    atEnd(() => app.stop())
    const sidecar = await start(app.port)
    let isOver = false
    const statuses: number[] = []
    const clients = Array.from({ length: 10 }, async () => {
      const client = await openClient(sidecar.route)
      while (!isOver) {
        client.send(get('/'))
        statuses.push((await client.response()).status)
      }
      client.socket.destroy()
    })
    const last = (): string => statuses.slice(-20).join(' ')
    for (let round = 0; round < 3; round += 1) {
      const at = statuses.length
      await until('answers', () => statuses.slice(at).filter((status) => status === 200).length > 300, last, 20_000)
      app.signal('SIGKILL')
      await until('refusals', () => statuses.slice(-50).every((status) => status === 503), last, 20_000)
      app = await startAppProcess(app.port)
    }
    await until('answers alone', () => statuses.slice(-100).every((status) => status === 200), last, 20_000)
    isOver = true
    await Promise.all(clients)
    expect(statuses.filter((status) => ![200, 502, 503].includes(status))).toEqual([])
    await expect.poll(() => leftovers(sidecar), { timeout: 20_000 }).toEqual({})
  })
})

describe('a process that stands still and goes on', () => {
  it.each(['app', 'sidecar'] as const)('the %s: who has waited is served', async (who) => {
    const app = await startAppProcess()
    atEnd(() => app.stop())
    const sidecar = await start(app.port)
    const early = await Promise.all(Array.from({ length: 20 }, () => openClient(sidecar.route)))
    for (const client of early) {
      client.send(get('/'))
      await client.response()
    }
    const still = who === 'app' ? app : sidecar
    still.signal('SIGSTOP')
    const late = await Promise.all(Array.from({ length: 20 }, () => openClient(sidecar.route)))
    for (const client of [...early, ...late]) client.send(get('/'))
    // Longer than an unused connection to the app is kept, and than the app keeps it.
    await sleep(6000)
    still.signal('SIGCONT')
    for (const client of [...early, ...late]) {
      expect((await client.response()).status).toBe(200)
      client.socket.destroy()
    }
    await expect.poll(() => leftovers(sidecar), { timeout: 20_000 }).toEqual({})
  })
})
