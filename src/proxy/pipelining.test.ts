import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { flood, standstill } from './testing/flood.ts'
import { get, openClient } from './testing/raw-client.ts'
import { answering, respond, startRawServer } from './testing/raw-server.ts'
import { startRig } from './testing/rig.ts'
import { post, startBesideSilentApp, type SilentApp } from './testing/silent-app.ts'
import { until } from './testing/until.ts'

let scene: SilentApp

describe('(16) pipelined requests', () => {
  beforeAll(async () => {
    scene = await startBesideSilentApp()
  })
  afterAll(() => scene.stop())

  it('are served in order, one at a time', async () => {
    const client = await openClient(scene.rig.route)
    client.send(`${get('/1')}${post(3)}abc${get('/3')}`)
    const upstream = await scene.app.connection(0)
    await upstream.hears('GET /1 ')
    expect(upstream.received).not.toContain('POST')
    upstream.send(respond('one'))
    await upstream.hears('\r\n\r\nabc')
    expect(upstream.received).not.toContain('GET /3')
    upstream.send(respond('two'))
    await upstream.hears('GET /3')
    upstream.send(respond('three'))
    for (const body of ['one', 'two', 'three']) expect((await client.response()).body).toBe(body)
  })

  it('wait in the client’s own buffers while one is served', async () => {
    const client = await openClient(scene.rig.route)
    client.send(get('/first'))
    const upstream = await scene.app.connection(0)
    await upstream.hears('GET /first ')
    const piece = get('/next').repeat(2000)
    const size = 50_000_000
    // Kernel buffers take a few MB.
    expect(await standstill(flood(client.socket, piece, size))).toBeLessThan(size / 2)
    client.socket.destroy()
  })

  it('wait for a client that does not read: its answers would all be kept here', async () => {
    // Each in one piece, so that none waits for its own end.
    const size = 30_000
    const requests = 2000
    let served = 0
    const origin = await startRawServer(
      answering(() => {
        served += 1
        return respond('x'.repeat(size))
      }),
    )
    const other = await startRig(origin.port, { limits: { idleTimeoutMs: 60_000 } })
    const client = await openClient(other.route)
    client.countsOnly = true
    client.socket.pause()
    client.send(get('/').repeat(requests))
    expect(await standstill(() => served)).toBeLessThan(requests / 2)
    client.socket.resume()
    await until('all answers', () => served === requests && client.receivedBytes > requests * size, () => `${served} served, ${client.receivedBytes} bytes`)
    await other.close()
    origin.close()
  })

  it('end with a client that reads none of the answers', async () => {
    const origin = await startRawServer(answering(() => respond('x'.repeat(30_000))))
    const other = await startRig(origin.port, { limits: { idleTimeoutMs: 60_000, bodyTimeoutMs: 200 } })
    const client = await openClient(other.route)
    client.socket.pause()
    client.send(get('/').repeat(2000))
    await until('an answer', () => origin.connections.some(({ received }) => received !== ''))
    await expect.poll(async () => (await other.stats()).openConnections, { timeout: 8000 }).toBe(0)
    client.socket.destroy()
    await other.close()
    origin.close()
  })

  it('may be many', async () => {
    const origin = await startRawServer(answering((head) => respond(head.split(' ')[1] ?? '')))
    const other = await startRig(origin.port)
    const client = await openClient(other.route)
    client.send(Array.from({ length: 500 }, (_, index) => get(`/${index}`)).join(''))
    for (let index = 0; index < 500; index += 1) expect((await client.response()).body).toBe(`/${index}`)
    await other.close()
    origin.close()
  })
})
