import { describe, expect, it } from 'vitest'
import { field } from './hpack/field.ts'
import { Http2ResponseFlow } from './response-flow.ts'
import type { Http2Response } from './response.ts'

const head = (status: number, contentLength?: number): Http2Response => ({ status, contentLength, isGrpc: false, grpcStatus: undefined, unsent: '', serviceTimeUs: undefined, forward: [field(':status', String(status)), field('x-app', '1')] })

describe('the body of a response of HTTP/2', () => {
  it.each<[what: string, method: string, of: Http2Response, pieces: readonly (readonly [bytes: number, isLast: boolean])[], areFine: readonly boolean[]]>([
    ['may be anything without a length', 'GET', head(200), [[7, false], [0, true]], [true, true]],
    ['may be as long as was said', 'GET', head(200, 5), [[3, false], [2, true]], [true, true]],
    ['may end in a piece of its own', 'GET', head(200, 5), [[5, false], [0, true]], [true, true]],
    ['may be empty', 'GET', head(200, 0), [[0, true]], [true]],
    ['may not be longer', 'GET', head(200, 5), [[5, false], [1, false]], [true, false]],
    ['may not end before', 'GET', head(200, 5), [[3, false], [1, true]], [true, false]],
    ['is none for HEAD, whatever the length', 'HEAD', head(200, 5), [[0, true]], [true]],
    ['may not be there for HEAD', 'HEAD', head(200), [[1, false]], [false]],
    ['is none with 204', 'GET', head(204), [[1, false]], [false]],
    ['is none with 304, whatever the length', 'GET', head(304, 5), [[0, true]], [true]],
    ['may not be there with 304', 'GET', head(304), [[1, true]], [false]],
  ])('%s', (_what, method, of, pieces, areFine) => {
    const flow = new Http2ResponseFlow(of, method)
    expect(pieces.map(([bytes, isLast]) => flow.take(bytes, isLast))).toEqual(areFine)
  })
})

describe('the head of a response of HTTP/2', () => {
  const flow = new Http2ResponseFlow(head(200), 'GET')
  const serving = { plan: undefined, reason: 'weight', setCookies: [], serviceTimeUs: 1234 } as const
  const lines = (of: Parameters<typeof flow.fields>[0]): readonly string[] => flow.fields(of).map(({ key }) => key)

  it('goes on as it is, without a copy', () => {
    expect(flow.fields(serving)).toBe(flow.head.forward)
  })

  it('gets each cookie as a field of its own', () => {
    expect(lines({ ...serving, setCookies: ['a=1; Path=/', 'b=2'] })).toEqual([':status: 200', 'x-app: 1', 'set-cookie: a=1; Path=/', 'set-cookie: b=2'])
  })

  it('tells the sidecar that sent a hop how long the app took', () => {
    expect(lines({ ...serving, reason: 'hop' })).toEqual([':status: 200', 'x-app: 1', 'x-kinglet-service-time: 1234'])
  })

  it('is changed as the policy says, before anything of ours is added', () => {
    const plan = { response: { without: new Set(['x-app', 'set-cookie']), lines: [['X-Env', 'prod'] as const] } }
    expect(lines({ ...serving, plan, setCookies: ['a=1'] })).toEqual([':status: 200', 'x-env: prod', 'set-cookie: a=1'])
  })
})
