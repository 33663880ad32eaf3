import type { ClientHttp2Session } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startRig, type Rig } from '../testing/rig.ts'
import { startFrameApp, toEachHead, type FrameApp } from './testing/frame-app.ts'
import { block, frame } from './testing/frames.ts'
import { openHttp2, request } from './testing/http2-client.ts'
import { flag, frameType } from './wire.ts'

type Fields = readonly (readonly [string, string])[]

/** Responses are held to the same strictness as requests. */
describe('a response that is none', () => {
  let answer: (id: number) => readonly Buffer[]
  let app: FrameApp
  let rig: Rig
  let client: ClientHttp2Session
  beforeEach(async () => {
    app = await startFrameApp({ onFrames: toEachHead((id) => answer(id)) })
    rig = await startRig(app.port)
    client = await openHttp2(rig.route)
  })
  afterEach(async () => {
    client.destroy()
    await rig.close()
    app.close()
  })
  const head = (id: number, fields: Fields, isLast: boolean): Buffer => frame(frameType.headers, flag.endHeaders | (isLast ? flag.endStream : 0), id, block(fields))
  const data = (id: number, text: string): Buffer => frame(frameType.data, flag.endStream, id, Buffer.from(text))
  const outcomes = async (): Promise<unknown> => (await rig.stats()).requests.map(({ outcome, count }) => [outcome, count])

  it.each<[string, Fields]>([
    ['has a Content-Length that is none', [[':status', '200'], ['content-length', '+2']]],
    ['has Content-Length twice', [[':status', '200'], ['content-length', '2'], ['content-length', '2']]],
    ['has two lengths', [[':status', '200'], ['content-length', '2'], ['content-length', '3']]],
    ['has a list of lengths', [[':status', '200'], ['content-length', '2, 2']]],
    ['has no status', [['content-length', '2']]],
    ['has a status that is none', [[':status', '2000']]],
    ['has two statuses', [[':status', '200'], [':status', '200']]],
    ['has a field of requests', [[':status', '200'], [':path', '/']]],
    ['has a field of a connection', [[':status', '200'], ['connection', 'close']]],
    ['switches protocols', [[':status', '101']]],
  ])('because it %s is a 502, and the version is charged', async (_case, fields) => {
    answer = (id) => [head(id, fields, false), data(id, 'ok')]
    expect((await request(client, { ':path': '/' })).status).toBe(502)
    expect(await outcomes()).toEqual([['5xx', 1]])
  })

  it.each<[string, string, Fields]>([
    ['to HEAD', 'HEAD', [[':status', '200'], ['content-length', '2']]],
    ['204', 'GET', [[':status', '204']]],
    ['304', 'GET', [[':status', '304'], ['content-length', '2']]],
  ])('because it is one %s and has a body ends its stream, and the version is charged', async (_case, method, fields) => {
    answer = (id) => [head(id, fields, false), data(id, 'ok')]
    const answered = await request(client, { ':method': method, ':path': '/' })
    expect(answered.body.length).toBe(0)
    expect(await outcomes()).toEqual([['reset', 1]])
  })

  it.each<[string, string, Fields]>([
    ['to HEAD', 'HEAD', [[':status', '200'], ['content-length', '2']]],
    ['204', 'GET', [[':status', '204']]],
    ['304', 'GET', [[':status', '304'], ['content-length', '2']]],
  ])('is not what is meant here: one %s without a body passes, in one frame or two', async (_case, method, fields) => {
    for (const isLast of [true, false]) {
      answer = (id) => [head(id, fields, isLast), ...(isLast ? [] : [data(id, '')])]
      expect(await request(client, { ':method': method, ':path': '/' })).toMatchObject({ status: Number(fields[0]?.[1]), code: 0 })
    }
  })
})
