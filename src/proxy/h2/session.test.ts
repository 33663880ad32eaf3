import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openClient } from '../testing/raw-client.ts'
import type { Rig } from '../testing/rig.ts'
import type { Peer } from '../testing/peer.ts'
import { until, untilAsync } from '../testing/until.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { startFrameClient, type FrameClient } from './testing/frame-client.ts'
import { block, frame, get, getBlock, hello, settings, uint32, type Frame } from './testing/frames.ts'
import { heardFrames, hearsFrame } from './testing/heard-frames.ts'
import { say, type Handler, type Http2App } from './testing/http2-app.ts'
import { openHttp2, request } from './testing/http2-client.ts'
import { errorCode, flag, frameType } from './wire.ts'

const goneWith = async (peer: Peer): Promise<number> => (await hearsFrame(peer, 'GOAWAY', ({ type }) => type === frameType.goaway)).payload.readUInt32BE(4)
const resetOf = async (peer: Peer, id: number): Promise<number> => (await hearsFrame(peer, 'RST_STREAM', ({ type, streamId }) => type === frameType.rstStream && streamId === id)).payload.readUInt32BE(0)
const endOf = (peer: Peer, id: number): Promise<Frame> => hearsFrame(peer, `the end of stream ${id}`, ({ type, flags, streamId }) => streamId === id && type <= frameType.headers && (flags & flag.endStream) !== 0)

const post: readonly (readonly [string, string])[] = [[':method', 'POST'], [':scheme', 'http'], [':path', '/silent'], [':authority', 'app']]

describe('a client by the frame', () => {
  let scene: FrameClient
  let app: Http2App
  let rig: Rig
  let client: Peer
  beforeEach(async () => {
    const answer: Handler = (stream, head) => {
      if (head[':path'] !== '/silent') say(String(head[':path']))(stream)
    }
    scene = await startFrameClient(answer, { maxStreams: 5, headTimeoutMs: 300 })
    ;({ app, rig, client } = scene)
  })
  afterEach(() => scene.stop())
  const send = (...parts: readonly Buffer[]): boolean => client.socket.write(Buffer.concat(parts))

  it('gets the same answer however its bytes were cut', async () => {
    const post = frame(frameType.headers, flag.endHeaders, 1, block([[':method', 'POST'], [':scheme', 'http'], [':path', '/cut'], [':authority', 'app'], ['content-length', '5']]))
    const bytes = Buffer.concat([hello, post, frame(frameType.data, 0, 1, Buffer.from('he')), frame(frameType.data, flag.endStream, 1, Buffer.from('llo'))])
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 6 }), async (cuts) => {
        const peer = await openClient(rig.route)
        let from = 0
        for (const cut of [...new Set(cuts), bytes.length].toSorted((a, b) => a - b)) {
          peer.socket.write(bytes.subarray(from, cut))
          from = cut
          await new Promise((resolve) => {
            setImmediate(resolve)
          })
        }
        await endOf(peer, 1)
        peer.socket.destroy()
        const data = heardFrames(peer).filter(({ type }) => type === frameType.data).map(({ payload }) => payload.toString())
        expect(data.join('')).toBe('/cut')
      }),
      { numRuns: 40 },
    )
  })

  it('is told our limits first', async () => {
    send(hello)
    const first = await hearsFrame(client, 'SETTINGS', ({ type }) => type === frameType.settings)
    expect(heardFrames(client)[0]?.type).toBe(frameType.settings)
    const pairs = Array.from({ length: first.payload.length / 6 }, (_unused, index) => [first.payload.readUInt16BE(6 * index), first.payload.readUInt32BE(6 * index + 2)])
    expect(pairs).toContainEqual([3, 5])
  })

  it('is refused streams beyond the limit, which it may ask for again', async () => {
    send(hello, ...[1, 3, 5, 7, 9, 11].map((id) => get(id, '/silent')))
    expect(await resetOf(client, 11)).toBe(errorCode.refusedStream)
    await until('the others', () => app.heads.length === 5)
  })

  it('is sent no more than its windows allow, and the rest when they open', async () => {
    const noWindow = frame(frameType.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]))
    send(hello, noWindow, get(1, '/waiting'))
    await hearsFrame(client, 'the head', ({ type, streamId }) => type === frameType.headers && streamId === 1)
    send(frame(frameType.windowUpdate, 0, 1, uint32(3)))
    const first = await hearsFrame(client, 'three bytes', ({ type, payload }) => type === frameType.data && payload.length > 0)
    expect(first.payload.toString()).toBe('/wa')
    send(frame(frameType.windowUpdate, 0, 1, uint32(100)))
    await endOf(client, 1)
    expect(heardFrames(client).filter(({ type }) => type === frameType.data).map(({ payload }) => payload.toString()).join('')).toBe('/waiting')
  })

  it('may begin streams after its GOAWAY: that speaks of the server’s', async () => {
    send(hello, get(1, '/silent'), frame(frameType.goaway, 0, 0, Buffer.alloc(8)), get(3, '/after'))
    await endOf(client, 3)
    send(frame(frameType.rstStream, 0, 1, uint32(errorCode.cancel)))
    await client.closes()
  })

  it('may pad what it sends', async () => {
    const head = getBlock('/padded')
    send(hello, frame(frameType.headers, flag.endHeaders | flag.endStream | flag.padded, 1, Buffer.concat([Buffer.from([4]), head, Buffer.alloc(4)])))
    await endOf(client, 1)
  })

  it('may split a head into CONTINUATION frames', async () => {
    const head = getBlock('/split')
    send(hello, frame(frameType.headers, flag.endStream, 1, head.subarray(0, 3)), frame(frameType.continuation, 0, 1, head.subarray(3, 9)), frame(frameType.continuation, flag.endHeaders, 1, head.subarray(9)))
    await endOf(client, 1)
  })

  it('is answered pings, and its mistakes on one stream end that stream alone', async () => {
    send(hello, frame(frameType.ping, 0, 0, Buffer.from('12345678')), frame(frameType.headers, flag.endHeaders | flag.endStream, 1, block([[':method', 'GET'], ['Upper', 'x']])), get(3))
    expect((await hearsFrame(client, 'the answer to PING', ({ type, flags }) => type === frameType.ping && flags === flag.ack)).payload.toString()).toBe('12345678')
    expect(await resetOf(client, 1)).toBe(errorCode.protocolError)
    await endOf(client, 3)
  })

  it.each<[string, readonly (readonly [string, string])[]]>([
    ['a name with capitals', [['X-A', 'b']]],
    ['a line break in a value', [['x-a', 'b\r\nc: d']]],
    ['a NUL in a value', [['x-a', 'b\0']]],
    ['a value that begins with a blank', [['x-a', ' b']]],
    ['a name with a blank', [['x a', 'b']]],
    ['a name with a colon', [['x:a', 'b']]],
    ['Connection', [['connection', 'close']]],
    ['Transfer-Encoding', [['transfer-encoding', 'chunked']]],
    ['Upgrade', [['upgrade', 'h2c']]],
    ['TE other than trailers', [['te', 'gzip']]],
    ['a pseudo-header after a field', [['x-a', 'b'], [':authority', 'app']]],
    ['a pseudo-header twice', [[':path', '/other']]],
    ['a pseudo-header of responses', [[':status', '200']]],
    ['an unknown pseudo-header', [[':protocol', 'websocket']]],
    ['Content-Length twice', [['content-length', '1'], ['content-length', '1']]],
    ['a Content-Length that is none', [['content-length', '+1']]],
    ['a body shorter than its Content-Length', [['content-length', '7']]],
  ])('%s makes no request: no app sees it', async (_case, fields) => {
    send(hello, frame(frameType.headers, flag.endHeaders | flag.endStream, 1, getBlock('/', ...fields)))
    expect(await resetOf(client, 1)).toBe(errorCode.protocolError)
    expect(app.heads).toHaveLength(0)
  })

  it.each<[string, string, string]>([
    ['an empty path', '', 'app'],
    ['a path with a blank', '/a b', 'app'],
    ['a path with a line break', '/a\r\nHost: evil', 'app'],
    ['a path without a slash', 'a', 'app'],
    ['a path with a fragment', '/a#b', 'app'],
  ])('%s is malformed', async (_case, path, authority) => {
    send(hello, frame(frameType.headers, flag.endHeaders | flag.endStream, 1, block([[':method', 'GET'], [':scheme', 'http'], [':path', path], [':authority', authority]])))
    expect(await resetOf(client, 1)).toBe(errorCode.protocolError)
  })

  it.each<[string, number, readonly (readonly [string, string])[]]>([
    ['a Host that is not the authority', 400, [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], [':authority', 'app'], ['host', 'other']]],
    ['no authority at all', 400, [[':method', 'GET'], [':scheme', 'http'], [':path', '/']]],
    ['CONNECT', 405, [[':method', 'CONNECT'], [':authority', 'app:80']]],
    ['a long target', 414, [[':method', 'GET'], [':scheme', 'http'], [':path', `/${'a'.repeat(9000)}`], [':authority', 'app']]],
    ['a head that is too long', 431, [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], [':authority', 'app'], ['x-a', 'a'.repeat(15_000)], ['x-b', 'b'.repeat(6000)]]],
    ['too many fields', 431, [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], [':authority', 'app'], ...Array.from({ length: 120 }, (_unused, index) => [`x-${index}`, ''] as const)]],
  ])('%s is answered %s', async (_case, status, fields) => {
    const head = block(fields)
    const parts = [frame(frameType.headers, flag.endStream | (head.length <= 16_384 ? flag.endHeaders : 0), 1, head.subarray(0, 16_384))]
    if (head.length > 16_384) parts.push(frame(frameType.continuation, flag.endHeaders, 1, head.subarray(16_384)))
    send(hello, ...parts)
    const answer = await hearsFrame(client, 'the head', ({ type, streamId }) => type === frameType.headers && streamId === 1)
    expect(new HpackDecoder().decode(answer.payload, 10_000)?.fields[0]?.value).toBe(String(status))
    expect(app.heads).toHaveLength(0)
  })

  it.each<[string, number, (id: number) => readonly Buffer[]]>([
    ['rapid resets (CVE-2023-44487)', errorCode.enhanceYourCalm, (id) => [get(id, '/silent'), frame(frameType.rstStream, 0, id, uint32(errorCode.cancel))]],
    ['pings', errorCode.enhanceYourCalm, () => Array.from({ length: 10 }, () => frame(frameType.ping, 0, 0, Buffer.alloc(8)))],
    ['settings', errorCode.enhanceYourCalm, () => Array.from({ length: 10 }, () => settings)],
    ['priorities', errorCode.enhanceYourCalm, (id) => Array.from({ length: 10 }, () => frame(frameType.priority, 0, id, Buffer.alloc(5)))],
    ['window updates', errorCode.enhanceYourCalm, () => Array.from({ length: 10 }, () => frame(frameType.windowUpdate, 0, 0, uint32(1)))],
    ['streams that are made to fail (CVE-2025-8671)', errorCode.enhanceYourCalm, (id) => [get(id, '/silent'), frame(frameType.windowUpdate, 0, id, uint32(0))]],
    ['bodies that are not as long as they say', errorCode.enhanceYourCalm, (id) => [frame(frameType.headers, flag.endHeaders, id, block([...post, ['content-length', '1']])), frame(frameType.data, 0, id, Buffer.from('two'))]],
    ['streams beyond the limit', errorCode.enhanceYourCalm, (id) => [get(id, '/silent')]],
    ['resets of a stream that is over', errorCode.enhanceYourCalm, (id) => [...(id === 1 ? [get(1, '/silent')] : []), ...Array.from({ length: 10 }, () => frame(frameType.rstStream, 0, 1, uint32(errorCode.cancel)))]],
    ['acknowledgements', errorCode.enhanceYourCalm, () => Array.from({ length: 10 }, () => frame(frameType.settings, flag.ack, 0))],
    ['farewells', errorCode.enhanceYourCalm, (id) => [...(id === 1 ? [get(1, '/silent')] : []), ...Array.from({ length: 10 }, () => frame(frameType.goaway, 0, 0, Buffer.alloc(8)))]],
    ['empty data', errorCode.enhanceYourCalm, (id) => [...(id === 1 ? [frame(frameType.headers, flag.endHeaders, 1, block(post))] : []), ...Array.from({ length: 10 }, () => frame(frameType.data, 0, 1))]],
  ])('a flood of %s ends the connection', async (_case, code, part) => {
    send(hello)
    for (let id = 1; id < 4000 && !client.hasEnded && !client.isClosed; id += 2) send(...part(id))
    expect(await goneWith(client)).toBe(code)
    await client.closes()
    const other = await openHttp2(rig.route)
    expect((await request(other, { ':path': '/still' })).body.toString()).toBe('/still')
    other.destroy()
  })

  it('SETTINGS of many entries end the connection', async () => {
    const entry = Buffer.from([0, 4, 0, 0, 0xff, 0xff])
    send(hello, frame(frameType.settings, 0, 0, Buffer.concat(Array.from({ length: 33 }, () => entry))))
    expect(await goneWith(client)).toBe(errorCode.enhanceYourCalm)
  })

  it('a flood of CONTINUATION frames ends the connection (CVE-2024-27316)', async () => {
    send(hello, frame(frameType.headers, 0, 1, getBlock()), ...Array.from({ length: 40 }, () => frame(frameType.continuation, 0, 1)))
    expect(await goneWith(client)).toBe(errorCode.enhanceYourCalm)
  })

  it('a head that does not come to its end, and a hello that does not come, end the connection', async () => {
    const other = await openClient(rig.route)
    send(hello, frame(frameType.headers, 0, 1, getBlock()))
    other.socket.write(hello.subarray(0, 24))
    expect(await goneWith(client)).toBe(errorCode.enhanceYourCalm)
    expect(await goneWith(other)).toBe(errorCode.settingsTimeout)
    other.socket.destroy()
  })

  it('data beyond the window ends its stream', async () => {
    const post = frame(frameType.headers, flag.endHeaders, 1, block([[':method', 'POST'], [':scheme', 'http'], [':path', '/silent'], [':authority', 'app']]))
    send(hello, post, ...Array.from({ length: 30 }, () => frame(frameType.data, 0, 1, Buffer.alloc(16_384))))
    expect([errorCode.flowControlError, errorCode.enhanceYourCalm]).toContain(await resetOf(client, 1))
  })

  it('bytes that are no frames end the connection, never the process', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (noise) => {
        const peer = await openClient(rig.route)
        peer.socket.write(Buffer.concat([hello, get(1), noise]))
        peer.socket.end()
        await peer.closes()
        peer.socket.destroy()
      }),
      { numRuns: 60 },
    ))
})

describe('a client that', () => {
  let scene: FrameClient
  let app: Http2App
  let rig: Rig
  let client: Peer
  beforeEach(async () => {
    scene = await startFrameClient((stream, head) => stream.respond({ ':status': 200, 'x-large': 'a'.repeat(10_000) }, { endStream: head[':method'] === 'HEAD' }))
    ;({ app, rig, client } = scene)
    client.socket.write(hello)
  })
  afterEach(() => scene.stop())

  it('cancels many streams whose answers have begun, as those who watch do, is no flood', async () => {
    client.socket.write(frame(frameType.windowUpdate, 0, 0, uint32(2 ** 30)))
    client.countsOnly = true
    for (let round = 0; round < 15; round += 1) {
      const before = client.receivedBytes
      const ids = Array.from({ length: 100 }, (_none, index) => 1 + 2 * (100 * round + index))
      client.socket.write(Buffer.concat(ids.map((id) => get(id))))
      await until('the answers', () => client.receivedBytes - before > 100 * 10_000 || client.isClosed || client.hasEnded)
      client.socket.write(Buffer.concat(ids.map((id) => frame(frameType.rstStream, 0, id, uint32(errorCode.cancel)))))
      await until('the cancellations', () => app.closes.length === 100 * (round + 1) || client.isClosed || client.hasEnded)
    }
    expect([client.isClosed, client.hasEnded]).toEqual([false, false])
  })

  it('takes nothing of many answers without a body is given up before they fill the memory', async () => {
    client.socket.pause()
    let id = 1
    for (let round = 0; round < 20 && (await rig.stats()).openConnections > 0; round += 1) {
      const from = app.heads.length
      const heads = Array.from({ length: 100 }, () => frame(frameType.headers, flag.endHeaders | flag.endStream, (id += 2), block([[':method', 'HEAD'], [':scheme', 'http'], [':path', '/'], [':authority', 'app']])))
      client.socket.write(Buffer.concat(heads))
      await untilAsync('the app', async () => app.closes.length >= from + 100 || (await rig.stats()).openConnections === 0)
    }
    await untilAsync('the end', async () => (await rig.stats()).openConnections === 0)
  })
})
