import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { get, openClient } from './testing/raw-client.ts'
import { startRawServer } from './testing/raw-server.ts'
import { startRig } from './testing/rig.ts'
import type { Peer } from './testing/peer.ts'

/** The seconds after which Linux asks the other end of a connection on 127.0.0.1 whether it is still there; undefined where it does not (proc(5), `/proc/net/tcp`). */
function asksAfter(localPort: number, remotePort: number): number | undefined {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0')
  const line = readFileSync('/proc/net/tcp', 'utf8').split('\n').find((each) => each.includes(`0100007F:${hex(localPort)} 0100007F:${hex(remotePort)} 01 `))
  const [, timer, ticks = ''] = / (0[0-4]):([0-9A-F]{8}) /.exec(line ?? '') ?? []
  if (timer === undefined) throw new Error(`no connection from ${localPort} to ${remotePort}`)
  return timer === '02' ? Number.parseInt(ticks, 16) / 100 : undefined
}

/** That the sidecar's connection to a server asks. */
const upstreamAsksAfter = (connection: Peer, serverPort: number): number | undefined => asksAfter(connection.socket.remotePort ?? 0, serverPort)

describe.runIf(process.platform === 'linux')('a connection whose other end may vanish without a word', () => {
  it.each(['a request', 'a WebSocket', 'a copy'] as const)('is asked by the kernel when it was silent for ten seconds: %s at a peer', async (what) => {
    const peer = await startRawServer()
    const app = await startRawServer()
    const endpoints = { primary: [], canary: [{ address: '127.0.0.1', port: peer.port }] }
    const rig = await startRig(app.port, { table: { endpoints, ...(what === 'a copy' ? { mirrorPercent: 100 } : { canaryWeightPercent: 100 }) } })
    const client = await openClient(rig.route)
    client.send(get('/', ...(what === 'a WebSocket' ? ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13'] : [])))
    const connection = await peer.connection(0)
    await connection.hears('\r\n\r\n')
    if (what === 'a WebSocket') {
      connection.send('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
      await client.hears('101')
    }
    await expect.poll(() => upstreamAsksAfter(connection, peer.port)).toBeGreaterThan(0)
    expect(upstreamAsksAfter(connection, peer.port)).toBeLessThanOrEqual(10)
    client.socket.destroy()
    await rig.close()
    app.close()
    peer.close()
  })

  it('is a client’s too, after a minute, and never the app’s next door', async () => {
    const app = await startRawServer()
    const rig = await startRig(app.port)
    const client = await openClient(rig.route)
    client.send(get('/'))
    const connection = await app.connection(0)
    await connection.hears('\r\n\r\n')
    await expect.poll(() => asksAfter(rig.route, client.socket.localPort ?? 0)).toBeGreaterThan(10)
    expect(asksAfter(rig.route, client.socket.localPort ?? 0)).toBeLessThanOrEqual(60)
    expect(upstreamAsksAfter(connection, app.port)).toBeUndefined()
    client.socket.destroy()
    await rig.close()
    app.close()
  })
})
