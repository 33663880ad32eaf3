import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRig, type Rig } from './testing/rig.ts'
import { lendWriteBuffer } from './write-buffers.ts'

const bodyBytes = 2_000_000
const letters = 'abcdefghijklmnopqrstuvwxyz'.split('')

describe('what is on its way to clients that read slowly', () => {
  let app: Server
  let rig: Rig
  beforeAll(async () => {
    app = createServer(({ url = '/?' }, response) => response.end(Buffer.alloc(bodyBytes, url[1])))
    await once(app.listen(0, '127.0.0.1'), 'listening')
    rig = await startRig((app.address() as AddressInfo).port)
  })
  afterAll(async () => {
    await rig.close()
    app.close()
  })

  const ask = async (letter: string): Promise<Socket> => {
    const socket = connect(rig.route, '127.0.0.1')
    socket.write(`GET /${letter} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    await once(socket, 'readable')
    return socket
  }
  const readAll = async (socket: Socket): Promise<Buffer> => {
    const parts: Buffer[] = []
    for await (const part of socket) parts.push(part as Buffer)
    return Buffer.concat(parts)
  }

  it('is never overwritten by what goes to others', async () => {
    // All have begun, none reads on: the sidecar holds a piece for each while it fills the next.
    const sockets = await Promise.all(letters.map(ask))
    const answers = await Promise.all(sockets.map(readAll))
    for (const [index, answer] of answers.entries()) {
      const body = answer.subarray(answer.indexOf('\r\n\r\n') + 4)
      expect(body.equals(Buffer.alloc(bodyBytes, letters[index]))).toBe(true)
    }
  })
})

describe('a lent buffer', () => {
  it('is lent again only after it was given back', () => {
    const first = lendWriteBuffer(10)
    const second = lendWriteBuffer(10)
    expect(second.bytes).not.toBe(first.bytes)
    first.giveBack?.()
    expect(lendWriteBuffer(10).bytes).toBe(first.bytes)
  })

  it('holds whatever is asked for', () => expect(lendWriteBuffer(1_000_000).bytes).toHaveLength(1_000_000))
})
