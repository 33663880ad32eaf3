import { once } from 'node:events'
import net from 'node:net'
import { expect, it } from 'vitest'
import { resetSocket } from './reset-socket.ts'

async function connect(): Promise<{ readonly here: net.Socket; readonly there: net.Socket; readonly server: net.Server }> {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as net.AddressInfo
  const here = net.connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true })
  const [there] = (await once(server, 'connection')) as [net.Socket]
  here.on('error', () => undefined)
  there.on('error', () => undefined)
  return { here, there, server }
}

it('resets a connection, so that the peer does not take the end for an orderly one', async () => {
  const { here, there, server } = await connect()
  const failed = once(there, 'error')
  there.resume()
  resetSocket(here)
  expect(((await failed)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET')
  server.close()
})

it('closes a socket whose FIN still waits behind bytes that nobody takes', async () => {
  const { here, there, server } = await connect()
  there.pause()
  here.write(Buffer.alloc(16 << 20))
  here.end()
  const closed = once(here, 'close')
  resetSocket(here)
  await closed
  there.destroy()
  server.close()
})
