import { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Session } from './session.ts'
import type { SessionUser } from './session-user.ts'
import { field } from './hpack/field.ts'
import { frame, get, getBlock, hello } from './testing/frames.ts'
import { flag, frameType } from './wire.ts'

/** A connection whose other end takes nothing until it is told to. */
class StuckSocket extends Duplex {
  private readonly waiting: (() => void)[] = []
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    this.waiting.push(done)
  }
  takeAll(): void {
    for (let done = this.waiting.shift(); done; done = this.waiting.shift()) done()
  }
}

describe('the end of a connection', () => {
  let socket: StuckSocket
  let session: Session
  let served: number[]
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    const user: SessionUser = {
      onStream: (stream, _block, hasEnded) => {
        served.push(stream.id)
        if (hasEnded) stream.sendHeaders([field(':status', '200')], true)
      },
      onIdleStreams: () => undefined,
      onGoAway: () => undefined,
      onClosed: () => undefined,
    }
    served = []
    socket = new StuckSocket()
    // A socket as far as a session is concerned.
    session = new Session(socket as unknown as Socket, true, { maxStreams: 10, maxListBytes: 10_000, maxHeldBytes: 1_000_000 }, user)
  })
  afterEach(() => {
    socket.destroy()
    vi.useRealTimers()
  })

  it('waits until the client has taken its last answer', () => {
    session.onData(Buffer.concat([hello, get(1)]))
    session.goAway()
    session.onData(frame(frameType.ping, flag.ack, 0, Buffer.alloc(8)))
    vi.advanceTimersByTime(5000)
    expect(socket.destroyed).toBe(false)
    socket.takeAll()
    return vi.waitFor(() => {
      vi.advanceTimersByTime(2000)
      expect(socket.destroyed).toBe(true)
    })
  })

  it('is no reason to end when the client did not know yet: what it has begun by then is left out, and what is under way goes on', () => {
    const open = (id: number): Buffer => frame(frameType.headers, flag.endHeaders, id, getBlock())
    session.onData(Buffer.concat([hello, open(1)]))
    session.goAway()
    session.onData(Buffer.concat([open(3), frame(frameType.ping, flag.ack, 0, Buffer.alloc(8)), open(5), frame(frameType.data, flag.endStream, 5, Buffer.from('late'))]))
    expect([served, session.isClosed]).toEqual([[1, 3], false])
  })

  it('does not wait for a client that takes nothing for a minute', () => {
    session.onData(Buffer.concat([hello, get(1)]))
    session.goAway()
    session.onData(frame(frameType.ping, flag.ack, 0, Buffer.alloc(8)))
    vi.advanceTimersByTime(61_000)
    expect(socket.destroyed).toBe(true)
  })

  it('does not wait for one that broke the protocol', () => {
    session.onData(Buffer.concat([hello, get(2)]))
    vi.advanceTimersByTime(1000)
    expect(socket.destroyed).toBe(true)
  })
})
