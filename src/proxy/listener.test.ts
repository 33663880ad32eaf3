import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { portOf, startListening } from './listener.ts'

describe('a port at every address', () => {
  const taker = createServer()
  const server = createServer()
  afterEach(() => {
    taker.close()
    server.close()
  })

  it('is one at every IPv4 address where IPv6 cannot be had', async () => {
    taker.listen({ host: '::', port: 0, ipv6Only: true })
    await once(taker, 'listening')
    const port = portOf(taker)
    await startListening(server, 'route', undefined, port)
    expect(server.address()).toMatchObject({ address: '0.0.0.0', port })
  })

  it('is none where it is taken, and says so', async () => {
    taker.listen({ host: '0.0.0.0', port: 0 })
    await once(taker, 'listening')
    await expect(startListening(server, 'route', undefined, portOf(taker))).rejects.toMatchObject({ code: 'LISTEN_FAILED', message: expect.stringContaining(`cannot listen on *:${portOf(taker)} (route port): listen EADDRINUSE`) })
  })
})
